/// A set of offsets as disjoint ranges in ascending order; adjacent ranges are merged.
struct CoveredRanges {
    private var ranges: [Range<Int>] = []

    var isEmpty: Bool { ranges.isEmpty }

    func overlaps(_ range: Range<Int>) -> Bool { ranges.contains { $0.overlaps(range) } }

    /// The parts of `range` that are not in the set, in ascending order.
    func gaps(in range: Range<Int>) -> [Range<Int>] {
        var gaps: [Range<Int>] = []
        var next = range.lowerBound
        for covered in ranges where covered.overlaps(range) {
            if covered.lowerBound > next { gaps.append(next..<covered.lowerBound) }
            next = max(next, covered.upperBound)
        }
        if next < range.upperBound { gaps.append(next..<range.upperBound) }
        return gaps
    }

    mutating func insert(_ range: Range<Int>) {
        let touching = ranges.filter { $0.lowerBound <= range.upperBound && range.lowerBound <= $0.upperBound }
        let merged = touching.reduce(range) {
            min($0.lowerBound, $1.lowerBound)..<max($0.upperBound, $1.upperBound)
        }
        ranges.removeAll { $0.lowerBound <= range.upperBound && range.lowerBound <= $0.upperBound }
        ranges.append(merged)
        ranges.sort { $0.lowerBound < $1.lowerBound }
    }
}
