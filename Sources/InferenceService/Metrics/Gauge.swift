import Synchronization

/// A number that is read where it lives, at the moment of a scrape: no second copy of it can go stale.
/// A closure must not keep alive what keeps the gauge alive.
package final class Gauge: Metric {
    /// A series' label values and its value.
    package typealias Reading = (labels: [String], value: Double)

    package let family: MetricFamily
    private let readings = Mutex<@Sendable () -> [Reading]>({ [] })

    package init(_ family: MetricFamily) { self.family = family }

    /// Replaces what is read at a scrape. Readings of the same labels must not repeat.
    package func read(_ readings: @escaping @Sendable () -> [Reading]) {
        self.readings.withLock { $0 = readings }
    }

    /// Replaces what is read at a scrape, for a family without labels.
    package func read(_ reading: @escaping @Sendable () -> Double?) {
        read { reading().map { [([], $0)] } ?? [] }
    }

    package func write(to text: inout PrometheusText) {
        text.header(family)
        // Called outside the lock: the closure may take locks of its own.
        let readings = self.readings.withLock { $0 }()
        for reading in readings.sorted(by: { $0.labels.lexicographicallyPrecedes($1.labels) }) {
            text.sample(family, labels: reading.labels, value: reading.value)
        }
    }
}
