/// Assigns offsets in one arena to blocks of memory, such that blocks in use in the same phase never overlap.
enum MemoryLayoutPlanner {
    struct Block {
        /// Size in floats.
        let count: Int
        /// The first phase that uses the block.
        let first: Int
        /// The last phase that uses the block.
        let last: Int
    }

    /// Greedy: the largest block first, each at the lowest offset where it overlaps no block that is in use at the same
    /// time.
    /// - Returns: offsets in the order of `blocks`, multiples of 16 floats, and the size of the arena in floats.
    static func layOut(_ blocks: [Block]) -> (offsets: [Int], total: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var placed: [Int] = []
        var total = 0
        for index in blocks.indices.sorted(by: { blocks[$0].count > blocks[$1].count }) {
            let block = blocks[index]
            let neighbours =
                placed
                .filter { blocks[$0].first <= block.last && block.first <= blocks[$0].last }
                .sorted { offsets[$0] < offsets[$1] }
            var offset = 0
            for neighbour in neighbours {
                if offset + rounded(block.count) <= offsets[neighbour] { break }
                offset = max(offset, offsets[neighbour] + rounded(blocks[neighbour].count))
            }
            offsets[index] = offset
            placed.append(index)
            total = max(total, offset + rounded(block.count))
        }
        return (offsets, total)
    }

    private static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
