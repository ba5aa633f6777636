/// A histogram of durations with 64 buckets per power of two of nanoseconds; quantiles are exact to 2 %.
package struct LatencyHistogram: Sendable {
    private static let stepBits = 6
    private static let steps = 1 << stepBits
    private var counts = [Int](repeating: 0, count: 64 * steps)
    /// The number of recorded latencies.
    package private(set) var count = 0
    /// The largest recorded latency.
    package private(set) var maximum = Duration.zero
    private var sum = Duration.zero

    /// A histogram without latencies.
    package init() {}

    /// Counts a latency; less than 1 ns counts as 1 ns.
    package mutating func record(_ latency: Duration) {
        counts[Self.bucket(Self.nanoseconds(latency))] += 1
        count += 1
        sum += latency
        maximum = max(maximum, latency)
    }

    /// Adds the counts of another histogram.
    package mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        sum += other.sum
        maximum = max(maximum, other.maximum)
    }

    /// The mean latency; zero where there is none.
    package var mean: Duration { count > 0 ? sum / count : .zero }

    /// The upper edge of the bucket that holds the quantile, at most the largest latency recorded.
    /// - Parameter share: from 0 to 1; 0.99 for the 99th percentile.
    package func quantile(_ share: Double) -> Duration {
        let rank = max(1, Int((share * Double(count)).rounded(.up)))
        var seen = 0
        for (index, own) in counts.enumerated() {
            seen += own
            if seen >= rank { return min(.nanoseconds(Self.upperEdge(index)), maximum) }
        }
        return maximum
    }

    /// Upper edges and counts of the buckets that are not empty.
    package var buckets: [(upTo: Duration, count: Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { (.nanoseconds(Self.upperEdge($0.offset)), $0.element) }
    }

    private static func nanoseconds(_ duration: Duration) -> Int {
        let parts = duration.components
        return max(1, Int(parts.seconds) * 1_000_000_000 + Int(parts.attoseconds / 1_000_000_000))
    }

    private static func bucket(_ value: Int) -> Int {
        let power = Int.bitWidth - 1 - value.leadingZeroBitCount
        guard power >= stepBits else { return value }
        return power * steps + (value >> (power - stepBits)) & (steps - 1)
    }

    private static func upperEdge(_ bucket: Int) -> Int {
        let (power, step) = (bucket / steps, bucket % steps)
        guard power >= stepBits else { return bucket }
        return (1 << power) + (step + 1) << (power - stepBits)
    }
}
