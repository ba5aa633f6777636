import Synchronization

/// Counts observations in fixed buckets; one short lock per observation keeps buckets, sum and count consistent.
package final class Histogram: MetricSeries {
    private struct Counts {
        /// Observations up to each bound and above the one before; the last element counts those above all bounds.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    /// - Parameter bounds: the buckets' inclusive upper bounds, ascending.
    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts a value. NaN is ignored, as it would make the sum NaN for ever.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock {
            $0.buckets[bucket] &+= 1
            $0.sum += value
        }
    }

    package func write(_ family: MetricFamily, labels: [String], to text: inout PrometheusText) {
        let counts = counts.withLock { $0 }
        var cumulative: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], counts.buckets) {
            cumulative &+= count
            text.sample(family, suffix: "_bucket", labels: labels, bound: bound, value: Double(cumulative))
        }
        text.sample(family, suffix: "_sum", labels: labels, value: counts.sum)
        text.sample(family, suffix: "_count", labels: labels, value: Double(cumulative))
    }
}
