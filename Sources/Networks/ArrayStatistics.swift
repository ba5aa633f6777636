import Tensors

/// What there is to say about one array of an upload at a glance.
package struct ArrayStatistics: Sendable, Hashable {
    package let name: String
    package let shape: [Int]
    /// Over the finite values, as all that follow; nil where there are none.
    package let min: Float?
    package let max: Float?
    package let mean: Double?
    /// The population's standard deviation (divided by n).
    package let std: Double?
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
