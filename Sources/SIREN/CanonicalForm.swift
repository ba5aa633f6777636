import Networks
import Tensors

/// One representative of all SIRENs that differ only in the signs and phases of their hidden neurons.
///
/// sin(−z) = −sin z and sin(z + kπ) = (−1)ᵏ sin z: a neuron's signs and half turns can move into its outgoing weights
/// without changing the function. Layer by layer, each neuron's incoming weight of largest magnitude (the first of
/// equals) becomes positive, then its bias is brought into [0, π/ω₀).
///
/// All arithmetic is float32, as models were trained on: another precision would round some bias to the other side of a
/// half turn. A bias within rounding of a multiple of π/ω₀ can fall on either side.
package struct CanonicalForm: Sendable, Hashable {
    package let omega0: Float

    package init(omega0: Float = 30) { self.omega0 = omega0 }

    /// The representative of `network`, the same function.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights {
        var result = network
        for layer in network.layers.indices.dropLast() {
            let flips = normalise(&result.layers[layer])
            result.layers[layer + 1].flipInputs(flips)
        }
        return result
    }

    /// Normalises every neuron of a hidden layer.
    /// - Returns: for every neuron, whether its outgoing weights must change sign.
    private func normalise(_ layer: inout NetworkLayer) -> [Bool] {
        let neurons = layer.bias.count
        guard neurons > 0 else { return [] }
        // Float.pi is rounded towards zero; the nearest float32 to π is the next one.
        let pi = Float(Double.pi)
        let fanIn = layer.weight.count / neurons
        var flips = [Bool](repeating: false, count: neurons)
        for neuron in 0..<neurons {
            let incoming = neuron * fanIn..<(neuron + 1) * fanIn
            if isNegative(layer.weight.values[incoming]) {
                for index in incoming { layer.weight.values[index].negate() }
                layer.bias.values[neuron].negate()
                flips[neuron].toggle()
            }
            let halfTurns = (omega0 * layer.bias.values[neuron] / pi).rounded(.down)
            guard halfTurns.isFinite else { continue }
            layer.bias.values[neuron] -= halfTurns * pi / omega0
            if halfTurns.truncatingRemainder(dividingBy: 2) != 0 { flips[neuron].toggle() }
        }
        return flips
    }

    private func isNegative(_ incoming: ArraySlice<Float>) -> Bool {
        var largest: Float = 0
        for weight in incoming where abs(weight) > abs(largest) { largest = weight }
        return largest < 0
    }
}

extension NetworkLayer {
    /// Negates the columns of the inputs marked in `flips`.
    package mutating func flipInputs(_ flips: [Bool]) {
        let outputs = bias.count
        guard outputs > 0, !flips.isEmpty else { return }
        let kernelCount = weight.count / outputs / flips.count
        for output in 0..<outputs {
            for input in flips.indices where flips[input] {
                let start = (output * flips.count + input) * kernelCount
                for index in start..<start + kernelCount { weight.values[index].negate() }
            }
        }
    }
}
