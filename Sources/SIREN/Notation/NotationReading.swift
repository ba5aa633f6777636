/// The notation in which a network is read, and why.
package struct NotationReading: Sendable, Hashable {
    /// What the network is read as.
    package let notation: Notation
    /// What each part follows from, as a clause for people.
    package let reasons: [NotationPart: String]
    /// Whether one notation is clearly better than all others, except for parts that are `undetermined`.
    package let isConfident: Bool
    /// Parts about which nothing speaks, so that a default was taken.
    package let undetermined: [NotationPart]
    /// What the client should know or do, as sentences.
    package let warnings: [String]
    /// What lies before the first layer.
    package let features: FourierFeatures?

    /// A reading with its reasons; `reasons` has every part.
    package init(
        notation: Notation, reasons: [NotationPart: String], isConfident: Bool, undetermined: [NotationPart] = [],
        warnings: [String] = [], features: FourierFeatures? = nil
    ) {
        self.notation = notation
        self.reasons = reasons
        self.isConfident = isConfident
        self.undetermined = undetermined
        self.warnings = warnings
        self.features = features
    }

    /// The same reading without confidence, for a reason that comes first among the warnings.
    func doubted(_ warning: String) -> NotationReading {
        warned(warning, isConfident: false)
    }

    /// The same reading with a warning that comes first.
    func warned(_ warning: String) -> NotationReading { warned(warning, isConfident: isConfident) }

    private func warned(_ warning: String, isConfident: Bool) -> NotationReading {
        NotationReading(
            notation: notation, reasons: reasons, isConfident: isConfident, undetermined: undetermined,
            warnings: [warning] + warnings, features: features)
    }

    /// The preset that the notation is, or `custom`.
    package var name: String {
        NotationPreset.allCases.first { $0.notation == notation }?.rawValue ?? "custom"
    }

    /// The reasons as one sentence, each once.
    package var summary: String {
        reasons.joined
    }
}
