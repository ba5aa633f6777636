/// Float64 sums for each worker, kept in a plan's float32 memory.
struct DoubleScratch: Sendable {
    let matrix: Matrix
    private let count: Int

    init(count: Int, in builder: PlanBuilder) {
        // Rows of a multiple of 16 floats in memory aligned to 64 bytes: every row is aligned for doubles.
        matrix = builder.matrix(rows: builder.threads, columns: (2 * count + 15) / 16 * 16)
        self.count = count
    }

    /// The worker's sums, set to zero. Sound because the row holds 2 × `count` floats that nothing else views.
    func zeroed(_ worker: Int) -> UnsafeMutablePointer<Double> {
        let sums = UnsafeMutableRawPointer(matrix.pointer + worker * matrix.stride)
            .bindMemory(to: Double.self, capacity: count)
        sums.initialize(repeating: 0, count: count)
        return sums
    }
}
