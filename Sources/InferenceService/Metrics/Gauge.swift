import Synchronization

/// A value that is read from its source at each scrape. The closure must not retain what retains the gauge.
package final class Gauge: Metric {
    /// A series' label values and its value.
    package typealias Reading = (labels: [String], value: Double)

    package let family: MetricFamily
    private let readings = Mutex<@Sendable () -> [Reading]>({ [] })

    package init(_ family: MetricFamily) { self.family = family }

    /// Sets what is read at a scrape: at most one reading for each combination of labels.
    package func read(_ readings: @escaping @Sendable () -> [Reading]) {
        self.readings.withLock { $0 = readings }
    }

    /// Sets what is read at a scrape, for a family without labels; nil shows no sample.
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
