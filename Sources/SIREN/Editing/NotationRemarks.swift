import Networks

/// What numbers and texts beside a network must say so that they are right in another notation.
package struct NotationRemarks: Sendable, Hashable {
    /// A frequency by its path; nil where one number cannot say what the notation has.
    package private(set) var numbers: [String: Double?] = [:]
    /// The name of a notation by its path.
    package private(set) var texts: [String: String] = [:]

    /// What changes where the network is in the notation of a preset now.
    package init(_ context: NetworkContext, of network: NetworkWeights, in preset: NotationPreset) {
        let notation = preset.notation
        for scalar in context.scalars {
            let claims = NotationClaims(NetworkContext(scalars: [scalar]), of: network)
            let wanted: Double?
            switch (claims.omega0, claims.hiddenOmega0) {
            case (nil, nil): continue
            case (_?, nil): wanted = notation.omega0
            case (nil, _?): wanted = notation.hiddenOmega0
            // The frequency of all layers.
            case (_?, _?): wanted = notation.omega0 == notation.hiddenOmega0 ? notation.omega0 : nil
            }
            if wanted != scalar.value { numbers.updateValue(wanted, forKey: scalar.path) }
        }
        for text in context.texts {
            let claims = NotationClaims(NetworkContext(texts: [text]), of: network)
            if claims.omega0 != nil, text.value != preset.rawValue { texts[text.path] = preset.rawValue }
            if let wanted = Self.option(text, notation), text.value != wanted { texts[text.path] = wanted }
        }
    }

    /// The text that a document's option of the notation has in another notation; nil for other texts.
    private static func option(_ text: NetworkContext.Text, _ notation: Notation) -> String? {
        switch text.path {
        case "order" where CoordinateOrder(rawValue: text.value) != nil: notation.order.rawValue
        case "coordinates" where Interval(text: text.value) != nil: notation.coordinates.text
        case "values" where Interval(text: text.value) != nil: notation.values.text
        default: nil
        }
    }
}
