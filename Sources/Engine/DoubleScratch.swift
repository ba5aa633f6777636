/// An array of float64 sums for each thread of a plan, in the plan's float32 memory.
struct DoubleScratch: Sendable {
    let matrix: Matrix
    private let count: Int

    init(count: Int, in builder: PlanBuilder) {
        // A row is a multiple of 16 floats, 64 bytes, in memory aligned to 64 bytes, so every row is aligned for
        // doubles.
        matrix = builder.matrix(rows: builder.threads, columns: (2 * count + 15) / 16 * 16)
        self.count = count
    }

    /// The sums of a thread, set to zero. Sound because its row holds 2 · `count` floats that nothing else views.
    func zeroed(_ worker: Int) -> UnsafeMutablePointer<Double> {
        let sums = UnsafeMutableRawPointer(matrix.pointer + worker * matrix.stride)
            .bindMemory(to: Double.self, capacity: count)
        sums.initialize(repeating: 0, count: count)
        return sums
    }
}
