/// A condition on the values of a column, of a table or of a corpus, as `--where` gives it: `step=86`,
/// `test_accuracy>0.2`, `activation=relu`.
package struct ColumnCondition: Sendable, Equatable, CustomStringConvertible {
    /// How a value is compared with that of the condition.
    package enum Comparison: String, Sendable, CaseIterable {
        case atMost = "<="
        case atLeast = ">="
        case unequal = "!="
        case equal = "="
        case below = "<"
        case above = ">"
    }

    /// The column's name.
    package let column: String
    /// How values are compared.
    package let comparison: Comparison
    /// What values are compared with.
    package let value: String

    /// - Parameter text: a column's name, a comparison and a value.
    /// - Returns: nil where the text is something else, also where it compares a text by order.
    package init?(_ text: String) {
        guard let start = text.firstIndex(where: "<>=!".contains), start > text.startIndex else { return nil }
        let rest = text[start...]
        guard let comparison = Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else { return nil }
        column = String(text[..<start].reversed().drop { $0 == " " }.reversed())
        self.comparison = comparison
        value = String(rest.dropFirst(comparison.rawValue.count).drop { $0 == " " })
        guard !value.hasPrefix("=") else { return nil }
        guard Double(value) != nil || comparison == .equal || comparison == .unequal else { return nil }
    }

    /// As `init` reads it.
    package var description: String { column + comparison.rawValue + value }

    /// The value as a number; nil for other texts.
    package var number: Double? { Double(value) }

    /// Whether a number in float32 fulfils it; one that is not known (NaN) fulfils no condition but `!=`.
    package func holds(_ own: Float) -> Bool {
        guard let number else { return comparison == .unequal }
        return compare(own, Float(number))
    }

    private func compare<Number: BinaryFloatingPoint>(_ own: Number, _ number: Number) -> Bool {
        switch comparison {
        case .atMost: own <= number
        case .atLeast: own >= number
        case .unequal: own != number
        case .equal: own == number
        case .below: own < number
        case .above: own > number
        }
    }

    /// Whether a text fulfils it: as a number where both are numbers, else letter by letter.
    package func holds(_ text: String) -> Bool {
        if let number, let own = Double(text) { return compare(own, number) }
        return comparison == .equal ? text == value : comparison == .unequal && text != value
    }
}
