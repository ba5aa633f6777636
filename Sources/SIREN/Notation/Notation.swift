import Engine
import Foundation

/// The ends of an interval of numbers, such as the coordinates of a picture's edges or the values of black and white.
package struct Interval: Sendable, Hashable {
    /// The first end: of the first row and column, or of black.
    package let low: Double
    /// The last end: of the last row and column, or of white.
    package let high: Double

    /// An interval whose ends are given in order.
    package init(_ low: Double, _ high: Double) {
        self.low = low
        self.high = high
    }

    /// −1…1
    package static let symmetric = Interval(-1, 1)
    /// 0…1
    package static let unit = Interval(0, 1)
    /// −½…½
    package static let centered = Interval(-0.5, 0.5)

    /// high − low
    package var length: Double { high - low }

    /// `-1..1`, as options write it.
    package var text: String { "\(Self.short(low))..\(Self.short(high))" }

    /// An interval of finite numbers written as `-1..1`, the lower end first; nil for other text.
    package init?(text: String) {
        guard let separator = text.range(of: ".."), let low = Double(text[..<separator.lowerBound]),
            let high = Double(text[separator.upperBound...]), low.isFinite, high.isFinite, low < high,
            abs(low) <= 1e6, abs(high) <= 1e6
        else { return nil }
        self.init(low, high)
    }

    private static func short(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e6 ? String(Int(value)) : String(value)
    }
}

/// Which of a network's two inputs is the row's coordinate.
package enum CoordinateOrder: String, Sendable, Hashable, CaseIterable {
    /// (row, column), from the top and from the left.
    case rowsFirst = "rows"
    /// (column, row): x before y.
    case columnsFirst = "columns"
}

/// How an implicit neural representation's arrays are to be read as a picture.
///
/// With weights W_l and biases b_l the network is u ↦ W_L f(ωₕ … f(ω₀ (W_0 u + b_0)) …) + b_L, where u are a pixel's
/// coordinates. ω₀ belongs to the first layer and ωₕ to all further hidden layers (Sitzmann et al., arXiv 2006.09661, use
/// 30 for both).
package struct Notation: Sendable, Hashable {
    /// The function between layers.
    package var activation: Nonlinearity
    /// ω₀, the factor of the first layer's outputs in the activation.
    package var omega0: Double
    /// ωₕ, the factor of the further hidden layers' outputs.
    package var hiddenOmega0: Double
    /// Which of the two inputs is the row's coordinate.
    package var order: CoordinateOrder
    /// The coordinates of the first and of the last row and column of pixels.
    package var coordinates: Interval
    /// The outputs for black and for white.
    package var values: Interval

    /// The notation of the SIREN reference implementation, apart from what is given.
    /// - Parameter hiddenOmega0: nil for `omega0`.
    package init(
        activation: Nonlinearity = .sine, omega0: Double = 30, hiddenOmega0: Double? = nil,
        order: CoordinateOrder = .rowsFirst, coordinates: Interval = .symmetric, values: Interval = .symmetric
    ) {
        self.activation = activation
        self.omega0 = omega0
        self.hiddenOmega0 = hiddenOmega0 ?? omega0
        self.order = order
        self.coordinates = coordinates
        self.values = values
    }

    /// The notation of data of a convention, at ω₀ of its own.
    package init(_ convention: SIRENConvention, omega0: Double = 30) {
        self.init(
            omega0: omega0, order: convention == .dws ? .columnsFirst : .rowsFirst,
            values: convention == .dws ? .centered : .symmetric)
    }

    /// Of the data of Neural Functional Networks, at ω₀ = 30.
    package static let nfn = Notation(SIRENConvention.nfn)
    /// Of the data of Deep Weight Spaces, at ω₀ = 30.
    package static let dws = Notation(SIRENConvention.dws)

    /// The factor of a hidden layer's outputs; 0 is the first layer.
    package func factor(ofLayer index: Int) -> Double { index == 0 ? omega0 : hiddenOmega0 }

    /// The pixel in [−1, 1], from black to white, of an output.
    package func pixel(_ output: Float) -> Float {
        values == .symmetric ? output : Float(2 * (Double(output) - values.low) / values.length - 1)
    }

    /// The same with the other's order of coordinates.
    func ordered(as other: Notation) -> Notation {
        var result = self
        result.order = other.order
        return result
    }

    /// Whether networks of this notation can be written in `other` without changing the function, where ω₀ and ωₕ, the
    /// order and range of coordinates and the range of values may differ.
    package func isConvertible(to other: Notation) -> Bool { activation == other.activation }
}

/// Notations of published data sets and libraries, by the names that options accept.
package enum NotationPreset: String, Sendable, Hashable, CaseIterable {
    /// Neural Functional Networks (Zhou et al., arXiv 2302.14040): rows first, pixels in [−1, 1].
    case nfn
    /// Deep Weight Spaces (Navon et al., arXiv 2301.12780): columns first, output + ½ in [0, 1].
    case dws
    /// COIN (Dupont et al., arXiv 2103.03123): rows first, pixels in [0, 1].
    case coin
    /// The library siren-pytorch: ω₀ = 30 in the first layer, 1 in the others.
    case sirenPytorch = "siren-pytorch"
    /// A network of ReLUs without factors, pixels in [−1, 1].
    case relu

    /// Every part of the notation that the name stands for.
    package var notation: Notation {
        switch self {
        case .nfn: Notation(.nfn)
        case .dws: Notation(.dws)
        case .coin: Notation(values: .unit)
        case .sirenPytorch: Notation(omega0: 30, hiddenOmega0: 1)
        case .relu: Notation(activation: .relu, omega0: 1)
        }
    }
}
