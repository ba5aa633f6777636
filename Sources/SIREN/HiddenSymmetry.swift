import Engine
import Networks
import Tensors

/// A kind of change of a network's hidden neurons that leaves its function the same, up to rounding. The raw values are
/// members of answers.
package enum HiddenSymmetry: String, Sendable, Hashable, CaseIterable {
    /// The neurons of each hidden layer in another order.
    case permutations
    /// f(−z) = −f(z): a neuron's incoming weights and bias change sign, and so do its outgoing weights.
    case signFlips = "sign_flips"
    /// sin(z ± π) = −sin(z): a neuron's bias moves by ±π/ω₀, and its outgoing weights change sign.
    case halfTurns = "half_turns"
    /// max(αz, 0) = α max(z, 0) for α > 0: a neuron's incoming weights and bias are multiplied by α, and its outgoing
    /// weights divided by it.
    case rescalings

    /// The kinds that networks of an activation have, in the order in which answers list them.
    package static func all(of activation: Nonlinearity) -> [HiddenSymmetry] {
        switch activation {
        case .sine: [.permutations, .signFlips, .halfTurns]
        case .tanh: [.permutations, .signFlips]
        case .relu: [.permutations, .rescalings]
        case .sigmoid, .gaussian: [.permutations]
        }
    }

    /// A random change of this kind of all hidden layers. Signs change, and half turns to either side happen, for each
    /// neuron with probability ½; factors α are 2ᵏ with k drawn uniformly from −2…2, so that they do not round.
    /// - Parameters:
    ///   - factor: of a hidden layer's outputs in the sine, such as ω₀ = 30; 0 is the first layer.
    ///   - random: the same state gives the same change.
    package func changing(
        _ network: NetworkWeights, factor: (_ layer: Int) -> Double = { _ in 30 }, _ random: inout RandomSource
    ) -> NetworkWeights {
        var result = network
        for layer in network.layers.indices.dropLast() {
            let neurons = network.layers[layer].bias.count
            switch self {
            case .permutations:
                let order = Array(0..<neurons).shuffled(using: &random)
                result = result.permutingHidden(layer: layer, by: order) ?? result
            case .signFlips:
                let flips = (0..<neurons).map { _ in random.next() >> 63 == 1 }
                result.layers[layer].scaleOutputs(flips.map { $0 ? -1 : 1 })
                result.layers[layer + 1].flipInputs(flips)
            case .halfTurns:
                let turns = (0..<neurons).map { _ in
                    let bits = random.next() >> 62
                    return bits < 2 ? 0.0 : bits == 2 ? 1 : -1
                }
                let halfTurn = Double.pi / factor(layer)
                for (neuron, turn) in turns.enumerated() where turn != 0 {
                    let bias = Double(result.layers[layer].bias.values[neuron])
                    result.layers[layer].bias.values[neuron] = Float(bias + turn * halfTurn)
                }
                result.layers[layer + 1].flipInputs(turns.map { $0 != 0 })
            case .rescalings:
                let exponents = (0..<neurons).map { _ in Int(random.next() % 5) - 2 }
                let factors = exponents.map { Float(sign: .plus, exponent: $0, significand: 1) }
                result.layers[layer].scaleOutputs(factors)
                result.layers[layer + 1].scaleInputs(factors.map { 1 / Double($0) })
            }
        }
        return result
    }
}

extension NetworkLayer {
    /// Multiplies the incoming weights and the bias of every output by its factor.
    fileprivate mutating func scaleOutputs(_ factors: [Float]) {
        let fanIn = weight.count / max(factors.count, 1)
        for (output, factor) in factors.enumerated() where factor != 1 {
            for index in output * fanIn..<(output + 1) * fanIn { weight.values[index] *= factor }
            bias.values[output] *= factor
        }
    }
}
