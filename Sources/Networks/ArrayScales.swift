import Tensors

/// A factor for each weight and bias array of a network, by which a model brings all arrays to similar magnitudes.
package struct ArrayScales: Sendable, Hashable {
    /// In the order w0, b0, w1, b1, …
    package let values: [Float]

    /// - Parameters:
    ///   - values: in the order w0, b0, w1, b1, …
    ///   - depth: layers of the networks that are scaled.
    /// - Returns: nil unless there are two factors for each layer, finite and other than 0 in float32.
    package init?(_ values: [Double], depth: Int) {
        self.values = values.map { Float($0) }
        guard values.count == 2 * depth, self.values.allSatisfy({ $0.isFinite && $0 != 0 }) else { return nil }
    }

    /// `network` with each array multiplied by its factor; layers after the first `depth` are unchanged.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights { applied(to: network) { $0 * $1 } }

    /// `network` with each array divided by its factor.
    package func inverse(_ network: NetworkWeights) -> NetworkWeights { applied(to: network) { $0 / $1 } }

    private func applied(to network: NetworkWeights, _ change: (Float, Float) -> Float) -> NetworkWeights {
        var result = network
        for index in result.layers.indices where 2 * index + 1 < values.count {
            let (weightScale, biasScale) = (values[2 * index], values[2 * index + 1])
            result.layers[index].weight.values = result.layers[index].weight.values.map { change($0, weightScale) }
            result.layers[index].bias.values = result.layers[index].bias.values.map { change($0, biasScale) }
        }
        return result
    }
}
