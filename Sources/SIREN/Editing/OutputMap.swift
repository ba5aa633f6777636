import Networks
import Tensors

/// A change of a picture's values, each by itself: y′ = a y + c of a network's outputs y.
package enum OutputMap: Sendable, Hashable {
    /// Lighter by that part of the range from black to white: a = 1, c = amount · (white − black).
    case brightness(Double)
    /// Values farther from the middle of black and white, m, by that factor: a = factor, c = (1 − factor) m.
    case contrast(Double)
    /// Black and white exchanged: a = −1, c = black + white.
    case invert

    /// a and c for a network whose black and white are the ends of `values`.
    func coefficients(_ values: Interval) -> (factor: Double, offset: Double) {
        switch self {
        case .brightness(let amount): (1, amount * values.length)
        case .contrast(let factor): (factor, (1 - factor) * (values.low + values.high) / 2)
        case .invert: (-1, values.low + values.high)
        }
    }
}

extension NotatedNetwork {
    /// Changes the outputs by the last layer: W′ = a W and b′ = a b + c, in float64 and rounded once.
    ///
    /// Values are not limited to the range from black to white: a picture that is drawn limits them, a later edit does not.
    /// - Throws: for a network without layers.
    mutating func transformOutputs(by map: OutputMap) throws(EditError) {
        guard let last = weights.layers.indices.last, weights.spec.isFullyConnected else {
            throw EditError("only fully connected networks have pixels as outputs; received one with convolutions")
        }
        let (factor, offset) = map.coefficients(notation.values)
        let layer = weights.layers[last]
        weights.layers[last].weight.values = layer.weight.values.map { Float(Double($0) * factor) }
        weights.layers[last].bias.values = layer.bias.values.map { Float(Double($0) * factor + offset) }
    }
}
