import Engine

extension NotationClaims {
    /// The names of the options that say how a network is to be read.
    package static let optionNames = [
        "convention", "activation", "omega0", "hidden_omega0", "order", "coordinates", "values",
    ]

    /// What options say: `convention` names a preset, from which the others differ where they are given; `omega0` alone is
    /// the factor of all layers, unless the preset's factors differ.
    /// - Parameter options: texts by the names in `optionNames`; others are ignored.
    /// - Throws: for a value that its option does not take.
    package init(options: [String: String]) throws(NotationOptionError) {
        self.init()
        isFromOptions = true
        let source = "as requested"
        var preset: NotationPreset?
        if let text = options["convention"], text != "auto" {
            preset = try Self.choice("convention", text, extra: ["auto"])
            if let preset { claim(preset.notation, "\(source) by convention=\(preset.rawValue)") }
        }
        if let text = options["activation"], text != "auto" {
            guard let known = NotationClaims.activation(text) else {
                throw Self.unknown("activation", text, Nonlinearity.allCases.map(\.rawValue) + ["auto"])
            }
            claim(activation: known, source)
            if known != .sine, preset == nil, options["omega0"] == nil {
                claim(omega0: 1, "\(known.rawValue) without a factor")
                claim(hiddenOmega0: 1, "\(known.rawValue) without a factor")
            }
        }
        if let text = options["omega0"] {
            let factor = try Self.factor("omega0", text)
            claim(omega0: factor, source)
            if preset.map({ $0.notation.omega0 == $0.notation.hiddenOmega0 }) ?? true {
                claim(hiddenOmega0: factor, "that of omega0, as hidden_omega0 is not given")
            }
        }
        if let text = options["hidden_omega0"] { claim(hiddenOmega0: try Self.factor("hidden_omega0", text), source) }
        if let text = options["order"], text != "auto" {
            claim(order: try Self.choice("order", text, extra: ["auto"]), source)
        }
        if let text = options["coordinates"], text != "auto" {
            claim(coordinates: try Self.interval("coordinates", text, "-1..1 or 0..1"), source)
        }
        if let text = options["values"], text != "auto" {
            claim(values: try Self.interval("values", text, "-1..1, 0..1 or -0.5..0.5"), source)
        }
    }

    /// Every part of a preset, as requested.
    package init(_ preset: NotationPreset) {
        self.init()
        claim(preset.notation, "as requested by convention=\(preset.rawValue)")
    }

    private static func factor(_ name: String, _ text: String) throws(NotationOptionError) -> Double {
        guard let number = Double(text), number.isFinite, number >= 1e-6, number <= 1e6 else {
            throw NotationOptionError(name, expected: "a number from 0.000001 to 1000000", received: text)
        }
        return number
    }

    private static func interval(
        _ name: String, _ text: String, _ examples: String
    ) throws(NotationOptionError) -> Interval {
        guard let interval = Interval(text: text) else {
            throw NotationOptionError(name, expected: "two numbers such as \(examples)", received: text)
        }
        return interval
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ text: String, extra: [String]
    ) throws(NotationOptionError) -> Choice {
        guard let choice = Choice(rawValue: text) else {
            throw unknown(name, text, Choice.allCases.map(\.rawValue) + extra)
        }
        return choice
    }

    private static func unknown(_ name: String, _ text: String, _ known: [String]) -> NotationOptionError {
        NotationOptionError(name, expected: "one of \(known.joined(separator: ", "))", received: text)
    }
}

/// A value that an option of the notation does not take.
package struct NotationOptionError: Error, Sendable, Hashable {
    /// The option's name.
    package let name: String
    /// What the option takes, for people.
    package let expected: String
    /// The text that was given.
    package let received: String

    /// An option by its name, what it takes and what it was given.
    package init(_ name: String, expected: String, received: String) {
        self.name = name
        self.expected = expected
        self.received = received
    }
}
