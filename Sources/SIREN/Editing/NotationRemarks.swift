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
        let texts = Set(context.texts.map(\.path))
        for statement in FileFactors(context, of: network).statements {
            let wanted: Double? =
                switch statement.layers {
                case .first: notation.omega0
                case .hidden: notation.hiddenOmega0
                case .all: notation.omega0 == notation.hiddenOmega0 ? notation.omega0 : nil
                }
            guard wanted != statement.value else { continue }
            if let wanted, texts.contains(statement.path) {
                self.texts[statement.path] = NotationClaims.number(wanted)
            } else {
                numbers.updateValue(wanted, forKey: statement.path)
            }
        }
        for text in context.texts {
            let claims = NotationClaims(NetworkContext(texts: [text]), of: network)
            if claims.values != nil, text.value != preset.rawValue { self.texts[text.path] = preset.rawValue }
            if let wanted = Self.option(text, notation), text.value != wanted { self.texts[text.path] = wanted }
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
