/// Writes the Prometheus text exposition format, version 0.0.4.
package struct PrometheusText: Sendable {
    /// Prometheus 3 fails a scrape whose content type it cannot parse.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What has been written.
    package private(set) var text = ""

    package init() {}

    /// The `HELP` and `TYPE` lines of a family; its samples must follow.
    package mutating func header(_ family: MetricFamily) {
        text += "# HELP \(family.name) \(Self.escapedHelp(family.help))\n"
        text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
    }

    /// One line. `suffix` and `bound` are those of a histogram's parts.
    package mutating func sample(
        _ family: MetricFamily, suffix: String = "", labels values: [String], bound: Double? = nil, value: Double
    ) {
        var pairs = zip(family.labels, values).map { "\($0)=\"\(Self.escapedLabel($1))\"" }
        if let bound { pairs.append("le=\"\(Self.number(bound))\"") }
        text += family.name + suffix
        if !pairs.isEmpty { text += "{" + pairs.joined(separator: ",") + "}" }
        text += " \(Self.number(value))\n"
    }

    /// A label value between double quotes: backslash, quote and line feed are escaped.
    package static func escapedLabel(_ value: String) -> String { escaped(value, quotes: true) }

    /// A help text: backslash and line feed are escaped.
    package static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

    /// The shortest decimal that parses to the same value; integers without a fraction.
    package static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map(String.init) ?? value.description
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return text }
        var escaped = String.UnicodeScalarView()
        // By scalar: CR LF would be one character.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: escaped.append(contentsOf: "\\\"".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
