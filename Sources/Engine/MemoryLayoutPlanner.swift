/// Gives every block an offset so that blocks alive at the same step never overlap.
enum MemoryLayoutPlanner {
    struct Block {
        /// Floats.
        let count: Int
        /// First and last step that touches the block.
        let first: Int
        let last: Int
    }

    /// Largest first, each at the lowest offset where it collides with none of its contemporaries.
    /// - Returns: offsets in the order of `blocks`, multiples of 16 floats, and the floats needed in all.
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
