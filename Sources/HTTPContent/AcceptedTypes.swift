/// The media types that a client accepts, with their weights: an `Accept` field (RFC 9110, section 12.5.1).
package struct AcceptedTypes: Sendable {
    private struct Range {
        /// In lower case, such as `image/png`, `image/*` or `*/*`.
        let name: String
        let weight: Double
    }

    private let ranges: [Range]

    /// - Parameter field: several fields joined by commas. Parameters other than `q` are ignored.
    package init(_ field: String) {
        ranges = HeaderParameters.split(Array(field.utf8)[...], at: UInt8(ascii: ",")).compactMap { item in
            let item = HeaderParameters(item)
            guard !item.value.isEmpty else { return nil }
            return Range(name: item.value, weight: item["q"].map { Quality.weight($0) } ?? 1)
        }
    }

    /// Whether the client asks for `type` rather than for `standard`, which is what it gets without preferences: `type`
    /// must be accepted by name or as `…/*`, and have at least the weight of `standard`.
    package func prefers(_ type: String, to standard: String) -> Bool {
        let (wanted, other) = (match(type), match(standard))
        return wanted.precision > 0 && wanted.weight > 0 && wanted.weight >= other.weight
    }

    /// The weight of the most precise range that matches, and how precise it is: 2 for a name, 1 for `…/*`, 0 for `*/*`
    /// or none at all.
    private func match(_ type: String) -> (weight: Double, precision: Int) {
        let names = [type, type.prefix { $0 != "/" } + "/*", "*/*"]
        for (index, name) in names.enumerated() {
            let weights = ranges.filter { $0.name == name }.map(\.weight)
            if let weight = weights.max() { return (weight, 2 - index) }
        }
        return (0, 0)
    }
}

/// The weights of `Accept` and `Accept-Encoding` (RFC 9110, section 12.4.2).
enum Quality {
    /// From 0 to 1; 0, which means "not acceptable", where the text is no such number.
    static func weight(_ text: String) -> Double {
        guard let weight = Double(text), (0...1).contains(weight) else { return 0 }
        return weight
    }
}
