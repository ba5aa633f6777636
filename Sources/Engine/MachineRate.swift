/// The machine's highest rate of matrix products, which measured rates of plans are compared with.
package enum MachineRate {
    /// Floating-point operations a second of OpenBLAS's product of two `size` × `size` matrices, a multiply-add counted
    /// as 2: the best of `repeats` runs, in which each thread computes its own share of rows.
    package static func products(size: Int = 2048, threads: Int, repeats: Int = 8) -> Double {
        let pool = WorkerPool(threads: threads)
        let square = [Float](unsafeUninitializedCapacity: size * size) { buffer, count in
            for index in 0..<size * size { buffer.initializeElement(at: index, to: Float(index % 251) / 251 - 0.5) }
            count = size * size
        }
        let (a, b) = (
            Matrix(rows: size, columns: size, values: square), Matrix(rows: size, columns: size, values: square)
        )
        let c = Matrix(zeros: size, size)
        let share = (size + threads - 1) / threads
        var best = Duration.seconds(1_000_000)
        for _ in 0..<max(1, repeats) {
            let start = ContinuousClock.now
            pool.run(tasks: threads) { task, _ in
                let rows = min(size, task * share)..<min(size, (task + 1) * share)
                if !rows.isEmpty { BLAS.multiply(a.rows(rows), b, into: c.rows(rows)) }
            }
            best = min(best, .now - start)
        }
        let side = Double(size)
        return 2 * side * side * side / (best / .seconds(1))
    }
}
