import Networks
import Tensors

extension NetworkWeights {
    /// The SIREN of frequency `reference` that computes the same function as this one of frequency ω₀: the weights and
    /// biases of all layers but the last are multiplied by ω₀ / `reference`.
    /// - Throws: `non_finite` where ω₀ is not a finite number above 0, or a product overflows float32.
    package func absorbing(omega0: Double, into reference: Double = 30) throws(NetworkError) -> NetworkWeights {
        guard omega0.isFinite, omega0 > 0 else {
            throw NetworkError(
                NetworkMismatch(
                    .nonFinite, expected: "omega0 must be a finite number above zero", received: "\(omega0)"))
        }
        guard omega0 != reference else { return self }
        var result = self
        for index in layers.indices.dropLast() { result.layers[index].scale(by: omega0 / reference) }
        try result.checkFinite()
        return result
    }

    /// The SIREN that draws the same picture in another convention: the first layer's two inputs are swapped, and the
    /// last layer is scaled by the ratio of the conventions' ranges.
    /// - Throws: where the network does not have two inputs, or a product overflows float32.
    package func converted(
        from source: SIRENConvention, to target: SIRENConvention
    ) throws(NetworkError) -> NetworkWeights {
        guard source != target, let first = layers.first, let last = layers.indices.last else { return self }
        guard spec.inputs == 2, first.weight.rank == 2 else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, tensor: first.weightName, expected: "[\(spec.layers[0].outputs), 2]",
                    reason: "only networks of two coordinates have a picture convention",
                    received: "\(first.weight.shape)"))
        }
        var result = self
        for row in 0..<first.weight.shape[0] { result.layers[0].weight.values.swapAt(2 * row, 2 * row + 1) }
        // A pixel p in [−1, 1] is q = (p + 1) / 2 in [0, 1], and a dws network computes q − ½ = p / 2.
        result.layers[last].scale(by: target == .nfn ? 2 : 0.5)
        try result.checkFinite()
        return result
    }

    /// Throws where a value is infinite or NaN.
    private func checkFinite() throws(NetworkError) {
        let found = stateDict.entries.compactMap(NetworkMismatch.nonFiniteValue)
        if !found.isEmpty { throw NetworkError(found) }
    }
}

extension NetworkLayer {
    /// Multiplies weight and bias by `factor`, in float64 and rounded once to float32.
    fileprivate mutating func scale(by factor: Double) {
        weight.values = weight.values.map { Float(Double($0) * factor) }
        bias.values = bias.values.map { Float(Double($0) * factor) }
    }
}
