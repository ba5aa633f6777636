/// The Prometheus metric types in use.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// A metric's name, type, help text and label names.
package struct MetricFamily: Hashable, Sendable {
    package let name: String
    package let kind: MetricKind
    package let help: String
    package let labels: [String]

    package init(_ name: String, _ kind: MetricKind, labels: [String] = [], help: String) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
    }
}
