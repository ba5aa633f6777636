/// A family with its values.
package protocol Metric: Sendable {
    var family: MetricFamily { get }
    func write(to text: inout PrometheusText)
}

/// The values of one combination of label values.
package protocol MetricSeries: AnyObject, Sendable {
    func write(_ family: MetricFamily, labels: [String], to text: inout PrometheusText)
}
