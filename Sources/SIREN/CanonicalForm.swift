import Networks
import Tensors

/// Maps all SIRENs that differ only in the signs and half turns of their hidden neurons to the same weights.
///
/// Since sin(−z) = −sin z and sin(z + kπ) = (−1)ᵏ sin z, the function stays the same when a neuron's incoming weights
/// and bias change sign, or its bias moves by kπ/ω₀, if its outgoing weights change sign accordingly. Layer by layer,
/// the form makes each neuron's incoming weight of largest magnitude (the first of equals) positive, and then brings
/// its bias into [0, π/ω₀).
///
/// All arithmetic is float32, as in the data that models were trained on; with another precision some biases would
/// round to the other end of the interval. A bias within a rounding error of a multiple of π/ω₀ can land at either end.
package struct CanonicalForm: Sendable, Hashable {
    /// ω₀, in radians for each unit of a layer's output.
    package let omega0: Float

    /// - Parameter omega0: that of the networks; with another, their functions would change.
    package init(omega0: Float = 30) { self.omega0 = omega0 }

    /// The canonical weights of the same function.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights {
        var result = network
        for layer in network.layers.indices.dropLast() {
            let flips = normalise(&result.layers[layer])
            result.layers[layer + 1].flipInputs(flips)
        }
        return result
    }

    /// Brings the signs and biases of a hidden layer's neurons into the form.
    /// - Returns: for every neuron, whether its outgoing weights must change sign.
    private func normalise(_ layer: inout NetworkLayer) -> [Bool] {
        let neurons = layer.bias.count
        guard neurons > 0 else { return [] }
        // The float32 nearest to π; Float.pi is the one below it.
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

    /// Whether the weight of largest magnitude is negative.
    private func isNegative(_ incoming: ArraySlice<Float>) -> Bool {
        var largest: Float = 0
        for weight in incoming where abs(weight) > abs(largest) { largest = weight }
        return largest < 0
    }
}

extension NetworkLayer {
    /// Negates the weights of the inputs marked in `flips`, which has one element for each input.
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
