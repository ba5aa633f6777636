import Tensors

/// A model's factor for every weight and bias array, which brings all of them to like magnitudes.
package struct ArrayScales: Sendable, Hashable {
    /// In the order w1, b1, w2, b2 …
    package let values: [Float]

    /// - Returns: nil unless there are two finite factors for each of `depth` layers.
    package init?(_ values: [Double], depth: Int) {
        self.values = values.map { Float($0) }
        guard values.count == 2 * depth, self.values.allSatisfy(\.isFinite) else { return nil }
    }

    /// `network` with each array times its factor; a layer beyond the scales' depth stays as it is.
    package func callAsFunction(_ network: NetworkWeights) -> NetworkWeights {
        var result = network
        for index in result.layers.indices where 2 * index + 1 < values.count {
            let weightScale = values[2 * index]
            let biasScale = values[2 * index + 1]
            result.layers[index].weight.values = result.layers[index].weight.values.map { $0 * weightScale }
            result.layers[index].bias.values = result.layers[index].bias.values.map { $0 * biasScale }
        }
        return result
    }
}
