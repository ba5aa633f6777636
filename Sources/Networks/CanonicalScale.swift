import Tensors

/// Maps all ReLU networks that differ only in the scales of their hidden neurons, or channels, to the same weights.
///
/// Since max(αz, 0) = α max(z, 0) for α > 0, and pooling is a mean or a maximum over positions, the function stays the
/// same when a channel's incoming weights and bias are divided by α and its outgoing weights multiplied by it. Layer by
/// layer, the form makes ‖[incoming weights, bias]‖₂ = 1 for each hidden channel. A channel whose incoming weights and
/// bias are all 0 is left as it is.
///
/// The form commutes with permutations of hidden channels. Norms are computed in float64, the result is rounded to
/// float32.
package struct CanonicalScale: Sendable, Hashable {
    package init() {}

    /// The canonical weights of the same function; the network itself where one of them would leave the range of
    /// float32.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights {
        var result = network
        for layer in network.layers.indices.dropLast() {
            let factors = result.layers[layer].normalizeOutputs()
            result.layers[layer + 1].scaleInputs(factors)
        }
        let isFinite = result.layers.allSatisfy { $0.weight.values.allSatisfy(\.isFinite) }
        return isFinite ? result : network
    }
}

extension NetworkLayer {
    /// Divides the incoming weights and the bias of every output by their norm.
    /// - Returns: the norms; 1 for an output that is left as it is.
    fileprivate mutating func normalizeOutputs() -> [Double] {
        let outputs = bias.count
        guard outputs > 0 else { return [] }
        let fanIn = weight.count / outputs
        return (0..<outputs).map { output in
            let incoming = output * fanIn..<(output + 1) * fanIn
            let own = Double(bias.values[output])
            let norm = weight.values[incoming].reduce(own * own) { $0 + Double($1) * Double($1) }.squareRoot()
            guard norm > 0, norm.isFinite else { return 1 }
            for index in incoming { weight.values[index] = Float(Double(weight.values[index]) / norm) }
            bias.values[output] = Float(own / norm)
            return norm
        }
    }

    /// Multiplies the weights of every input by its factor.
    /// - Parameter factors: one for each input, kernel positions apart.
    package mutating func scaleInputs(_ factors: [Double]) {
        let outputs = bias.count
        guard outputs > 0, !factors.isEmpty else { return }
        let kernelCount = weight.count / outputs / factors.count
        for output in 0..<outputs {
            for (input, factor) in factors.enumerated() where factor != 1 {
                let start = (output * factors.count + input) * kernelCount
                for index in start..<start + kernelCount {
                    weight.values[index] = Float(Double(weight.values[index]) * factor)
                }
            }
        }
    }
}
