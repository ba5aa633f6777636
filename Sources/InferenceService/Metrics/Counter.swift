import Synchronization

/// A number that only increases. An increment is one atomic addition.
package final class Counter: MetricSeries {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package var value: UInt64 { count.load(ordering: .relaxed) }

    /// Adds `amount`; a negative amount adds nothing, since Prometheus takes a decrease for a restart.
    package func increment(by amount: Int = 1) {
        count.wrappingAdd(UInt64(clamping: amount), ordering: .relaxed)
    }

    package func write(_ family: MetricFamily, labels: [String], to text: inout PrometheusText) {
        text.sample(family, labels: labels, value: Double(value))
    }
}
