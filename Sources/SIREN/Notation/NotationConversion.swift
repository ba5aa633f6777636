import Engine
import Networks
import Tensors

extension NetworkWeights {
    /// The network that computes the same picture in another notation of the same activation.
    ///
    /// With the factors ω and ω′ of a layer, its weights and biases are multiplied by ω/ω′, since sin(ω z) =
    /// sin(ω′ (ω/ω′) z). Coordinates u = a u′ + c of the two ranges give W a and b + W c in the first layer; outputs
    /// y′ = k y + m give k W and k b + m in the last; another order of coordinates swaps the first layer's columns. Each
    /// number is computed in float64 and rounded once to float32.
    /// - Throws: `shape_mismatch` where the activations differ, or where the range or order of coordinates differs and the
    ///   network does not have two inputs; `non_finite` where a factor is 0 or a product leaves the range of float32.
    package func converted(from source: Notation, to target: Notation) throws(NetworkError) -> NetworkWeights {
        guard source != target, !layers.isEmpty else { return self }
        guard source.isConvertible(to: target) else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a network of \(target.activation.rawValue) activations",
                    received:
                        "one of \(source.activation.rawValue) activations, which no weights of \(target.activation.rawValue) activations can represent"
                ))
        }
        for omega in [source.omega0, source.hiddenOmega0, target.omega0, target.hiddenOmega0] {
            guard omega.isFinite, omega > 0 else {
                throw NetworkError(
                    NetworkMismatch(
                        .nonFinite, expected: "omega0 must be a finite number above zero", received: "\(omega)"))
            }
        }
        var result = self
        if source.order != target.order || source.coordinates != target.coordinates {
            try result.changeCoordinates(from: source, to: target)
        }
        for index in layers.indices.dropLast() {
            let ratio = source.factor(ofLayer: index) / target.factor(ofLayer: index)
            if ratio != 1 { result.layers[index].transform(scale: ratio) }
        }
        if source.values != target.values {
            let scale = target.values.length / source.values.length
            result.layers[layers.count - 1].transform(
                scale: scale, offset: target.values.low - scale * source.values.low)
        }
        let found = result.stateDict.entries.compactMap(NetworkMismatch.nonFiniteValue)
        if !found.isEmpty { throw NetworkError(found) }
        return result
    }

    private mutating func changeCoordinates(from source: Notation, to target: Notation) throws(NetworkError) {
        let first = layers[0]
        guard spec.inputs == 2, first.weight.rank == 2 else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, tensor: first.weightName, expected: "[\(spec.layers[0].outputs), 2]",
                    reason: "only networks of two coordinates have an order and a range of coordinates",
                    received: "\(first.weight.shape)"))
        }
        if source.coordinates != target.coordinates {
            let scale = source.coordinates.length / target.coordinates.length
            let offset = source.coordinates.low - scale * target.coordinates.low
            for neuron in first.bias.values.indices {
                let (a, b) = (Double(first.weight.values[2 * neuron]), Double(first.weight.values[2 * neuron + 1]))
                layers[0].weight.values[2 * neuron] = Float(a * scale)
                layers[0].weight.values[2 * neuron + 1] = Float(b * scale)
                layers[0].bias.values[neuron] = Float(Double(first.bias.values[neuron]) + offset * (a + b))
            }
        }
        if source.order != target.order {
            for neuron in first.bias.values.indices { layers[0].weight.values.swapAt(2 * neuron, 2 * neuron + 1) }
        }
    }
}

extension NetworkLayer {
    /// Multiplies weight and bias by `scale`, and adds `offset` to the bias, in float64 and rounded once to float32.
    fileprivate mutating func transform(scale: Double, offset: Double = 0) {
        weight.values = weight.values.map { Float(Double($0) * scale) }
        bias.values = bias.values.map { Float(Double($0) * scale + offset) }
    }
}
