import Synchronization

/// A family whose series are created when their labels are first used, up to a limit.
package final class LabelledMetric<Series: MetricSeries>: Metric {
    package let family: MetricFamily
    private let limit: Int
    private let makeSeries: @Sendable () -> Series
    private let series = Mutex<[[String]: Series]>([:])

    /// - Parameter limit: the most series; labels beyond it are counted under the label values "other".
    package init(_ family: MetricFamily, limit: Int = 1000, makeSeries: @escaping @Sendable () -> Series) {
        self.family = family
        self.limit = limit
        self.makeSeries = makeSeries
    }

    /// The series of these label values, in the order of `MetricFamily.labels`.
    package func series(_ labels: String...) -> Series {
        series.withLock { series in
            if let known = series[labels] { return known }
            let labels = series.count < limit ? labels : family.labels.map { _ in "other" }
            if let known = series[labels] { return known }
            let new = makeSeries()
            series[labels] = new
            return new
        }
    }

    package func write(to text: inout PrometheusText) {
        text.header(family)
        let series = series.withLock { $0 }
        for (labels, values) in series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            values.write(family, labels: labels, to: &text)
        }
    }
}

extension LabelledMetric where Series == Counter {
    package convenience init(_ family: MetricFamily) { self.init(family) { Counter() } }
}

extension LabelledMetric where Series == Histogram {
    package convenience init(_ family: MetricFamily, bounds: [Double]) {
        self.init(family) { Histogram(bounds: bounds) }
    }
}
