import Tensors

extension NetworkWeights {
    /// All parameters as one vector: w0, b0, w1, b1, …, each array in row-major order.
    package var flattened: [Float] { layers.flatMap { $0.weight.values + $0.bias.values } }

    /// Cuts a vector of parameters, in the order of `flattened`, into the layers of `spec`.
    /// - Parameter names: of every layer's tensors; `spec.defaultNames` without them.
    /// - Throws: where the vector's length is not the spec's parameter count.
    package init(
        spec: NetworkSpec, flat: [Float], names: [LayerNames]? = nil
    ) throws(NetworkError) {
        guard flat.count == spec.parameterCount else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected \(spec.parameterCount) values (\(spec.parameterSum))",
                    received: "\(flat.count)"))
        }
        var start = 0
        func take(_ shape: [Int]) -> Tensor {
            let end = start + shape.reduce(1, *)
            defer { start = end }
            return Tensor(shape: shape, values: Array(flat[start..<end]))
        }
        layers = zip(spec.layers, names ?? spec.defaultNames).map { layer, names in
            let weight = take(layer.weightShape)
            return NetworkLayer(
                weightName: names.weight, weight: weight, biasName: names.bias, bias: take([layer.outputs]))
        }
    }
}

extension NetworkSpec {
    /// The parameters of every layer, for messages: `2-32-32-1: 96 + 1056 + 33 parameters`.
    package var parameterSum: String {
        let counts = layers.map { "\($0.outputs * $0.inputs * $0.kernelCount + $0.outputs)" }
        return "\(summary): \(counts.joined(separator: " + ")) parameters"
    }
}
