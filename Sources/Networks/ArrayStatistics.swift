import Tensors

/// Shape, range, mean and standard deviation of one array of a network.
package struct ArrayStatistics: Sendable, Hashable {
    package let name: String
    package let shape: [Int]
    /// This and the next three are over the finite values, nil where there are none.
    package let min: Float?
    package let max: Float?
    package let mean: Double?
    /// The standard deviation √(Σ(x − mean)² / n).
    package let std: Double?
    /// Infinities and NaNs.
    package let nonFiniteCount: Int

    package init(name: String, tensor: Tensor) {
        self.name = name
        shape = tensor.shape
        let finite = tensor.values.filter(\.isFinite)
        nonFiniteCount = tensor.count - finite.count
        min = finite.min()
        max = finite.max()
        guard !finite.isEmpty else {
            mean = nil
            std = nil
            return
        }
        let count = Double(finite.count)
        let average = finite.reduce(0) { $0 + Double($1) } / count
        mean = average
        std = (finite.reduce(0) { $0 + (Double($1) - average) * (Double($1) - average) } / count).squareRoot()
    }
}

extension NetworkWeights {
    /// The statistics of every array, weight before bias, in layer order.
    package var statistics: [ArrayStatistics] {
        stateDict.entries.map { ArrayStatistics(name: $0.name, tensor: $0.tensor) }
    }
}
