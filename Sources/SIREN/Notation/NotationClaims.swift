import Engine

/// A part of a notation that can be known or unknown by itself. The raw values are the names of options and of members
/// of answers.
package enum NotationPart: String, Sendable, Hashable, CaseIterable {
    case activation
    case omega0
    case hiddenOmega0 = "hidden_omega0"
    case order
    case coordinates
    case values
}

/// What somebody says of a network's notation: a client, a file, names. Nil parts are unsaid.
package struct NotationClaims: Sendable, Hashable {
    /// The function between layers.
    package var activation: Nonlinearity?
    /// The factor of the first layer.
    package var omega0: Double?
    /// The factor of the further hidden layers.
    package var hiddenOmega0: Double?
    /// Whether the first input is the row or the column.
    package var order: CoordinateOrder?
    /// The coordinates of the first and the last row and column of pixels.
    package var coordinates: Interval?
    /// The outputs for black and for white.
    package var values: Interval?
    /// Where each part is said, as a clause: `omega_0 = 30 in the file`.
    package private(set) var sources: [NotationPart: String] = [:]
    /// Whether the order follows from names of tensors, which say it less surely than what is said on purpose.
    package private(set) var isOrderByNames = false
    /// Parts that follow from words that also mean other things, as `scale` does: they count only where the network's
    /// drawing does not speak against them.
    package private(set) var weak: Set<NotationPart> = []
    /// What a file says that no notation has, as a clause: frequencies that differ among the further hidden layers.
    package internal(set) var contradiction: String?
    /// Whether a client has said it in options, which may be wrong, rather than the program, which knows it.
    package internal(set) var isFromOptions = false

    /// Nothing is said.
    package init() {}

    /// Whether something is said that changes what the network draws, not only which way up.
    var isOfFunction: Bool { isOfFunction(beyond: NotationClaims()) }

    /// Whether more is said that changes what the network draws than `other` says.
    func isOfFunction(beyond other: NotationClaims) -> Bool {
        sources.keys.contains { $0 != .order && other.sources[$0] == nil }
    }

    /// Where weak words are, each once.
    var weakSources: String {
        sources.filter { weak.contains($0.key) }.joined
    }

    /// Whether nothing is left to find out.
    package var isComplete: Bool { NotationPart.allCases.allSatisfy { sources[$0] != nil } }

    /// Says the function between layers.
    /// - Parameters:
    ///   - source: where it is said, as a clause for people; so in all of these.
    ///   - isWeak: whether the word that says it also means other things; so in all of these.
    package mutating func claim(activation: Nonlinearity, _ source: String, isWeak: Bool = false) {
        self.activation = activation
        note(.activation, source, isWeak)
    }

    /// The factor of the first layer.
    package mutating func claim(omega0: Double, _ source: String, isWeak: Bool = false) {
        self.omega0 = omega0
        note(.omega0, source, isWeak)
    }

    /// The factor of the further layers.
    package mutating func claim(hiddenOmega0: Double, _ source: String, isWeak: Bool = false) {
        self.hiddenOmega0 = hiddenOmega0
        note(.hiddenOmega0, source, isWeak)
    }

    private mutating func note(_ part: NotationPart, _ source: String, _ isWeak: Bool) {
        sources[part] = source
        if isWeak { weak.insert(part) } else { weak.remove(part) }
    }

    /// Says which input is the row.
    package mutating func claim(order: CoordinateOrder, _ source: String, isByNames: Bool = false) {
        (self.order, sources[.order]) = (order, source)
        isOrderByNames = isByNames
    }

    /// Says the coordinates of the picture's edges.
    package mutating func claim(coordinates: Interval, _ source: String) {
        (self.coordinates, sources[.coordinates]) = (coordinates, source)
    }

    /// Says the outputs for black and for white.
    package mutating func claim(values: Interval, _ source: String) {
        (self.values, sources[.values]) = (values, source)
    }

    /// Every part of a notation.
    package mutating func claim(_ notation: Notation, _ source: String) {
        claim(activation: notation.activation, source)
        claim(omega0: notation.omega0, source)
        claim(hiddenOmega0: notation.hiddenOmega0, source)
        claim(order: notation.order, source)
        claim(coordinates: notation.coordinates, source)
        claim(values: notation.values, source)
    }

    /// The same, where parts that nobody has said so far are taken from `other`.
    package func completed(by other: NotationClaims) -> NotationClaims {
        var result = self
        result.activation = activation ?? other.activation
        result.omega0 = omega0 ?? other.omega0
        result.hiddenOmega0 = hiddenOmega0 ?? other.hiddenOmega0
        result.order = order ?? other.order
        result.isOrderByNames = order == nil ? other.isOrderByNames : isOrderByNames
        result.coordinates = coordinates ?? other.coordinates
        result.values = values ?? other.values
        result.sources = sources.merging(other.sources) { own, _ in own }
        result.weak.formUnion(other.weak.filter { sources[$0] == nil })
        // What the file says of the frequencies does not matter where they are named.
        if hiddenOmega0 == nil { result.contradiction = contradiction ?? other.contradiction }
        return result
    }

    /// The same without the parts that weak words say.
    var withoutWeak: NotationClaims { without(weak) }

    /// What is said of the order of coordinates only, which a drawing does not tell.
    var onlyOrder: NotationClaims { without(Set(NotationPart.allCases).subtracting([.order])) }

    private func without(_ parts: Set<NotationPart>) -> NotationClaims {
        var result = self
        if parts.contains(.activation) { result.activation = nil }
        if parts.contains(.omega0) { result.omega0 = nil }
        if parts.contains(.hiddenOmega0) { (result.hiddenOmega0, result.contradiction) = (nil, nil) }
        if parts.contains(.order) { result.order = nil }
        if parts.contains(.coordinates) { result.coordinates = nil }
        if parts.contains(.values) { result.values = nil }
        result.sources = sources.filter { !parts.contains($0.key) }
        result.weak.subtract(parts)
        return result
    }

    /// The notation with the parts that are said, and `notation`'s others.
    package func applied(to notation: Notation) -> Notation {
        Notation(
            activation: activation ?? notation.activation, omega0: omega0 ?? notation.omega0,
            hiddenOmega0: hiddenOmega0 ?? notation.hiddenOmega0, order: order ?? notation.order,
            coordinates: coordinates ?? notation.coordinates, values: values ?? notation.values)
    }
}

extension [NotationPart: String] {
    /// The clauses in the order of the parts, each once.
    var joined: String {
        var seen: Set<String> = []
        return NotationPart.allCases.compactMap { self[$0] }.filter { seen.insert($0).inserted }
            .joined(separator: "; ")
    }
}
