import Tensors

/// A model's factor for every weight and bias array, which brings all of them to like magnitudes.
package struct ArrayScales: Sendable, Hashable {
    /// In the order w1, b1, w2, b2 …
    package let values: [Float]

    /// - Returns: nil unless there are two finite factors other than 0 for each of `depth` layers.
    package init?(_ values: [Double], depth: Int) {
        self.values = values.map { Float($0) }
        guard values.count == 2 * depth, self.values.allSatisfy({ $0.isFinite && $0 != 0 }) else { return nil }
    }

    /// `network` with each array times its factor; a layer beyond the scales' depth stays as it is.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights { applied(to: network) { $0 * $1 } }

    /// The inverse: each array divided by its factor.
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
