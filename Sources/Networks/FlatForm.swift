import Tensors

/// Networks as one vector of parameters: w1, b1, w2, b2 …, each row by row.
enum FlatForm {
    /// Whether a file's only tensor holds all parameters, rather than being a layer that lost its others.
    static func isFlat(_ entry: NamedTensor) -> Bool {
        let name = ParameterName(entry.name)
        return entry.tensor.rank <= 2 && (name.role == nil || name.isBareRole)
    }

    static func networks(
        from entry: NamedTensor, spec: NetworkSpec?
    ) throws(NetworkError) -> [NetworkWeights] {
        guard let spec else {
            throw NetworkError(
                NetworkMismatch(
                    .missingTensor, tensor: entry.name, expected: "a weight and a bias for every layer",
                    reason: "a flat vector can only be read by a model of known sizes",
                    received: "\(entry.tensor.shape)"))
        }
        let shape = entry.tensor.shape
        let size = spec.parameterCount
        var found: [NetworkMismatch] = []
        if shape.last != size || (shape.count == 2 && shape[0] == 0) {
            found.append(
                NetworkMismatch(
                    .shapeMismatch, tensor: entry.name, expected: "[\(size)] or [batch, \(size)]",
                    reason: spec.parameterSum, received: "\(shape)"))
        }
        if let value = nonFiniteValue(entry) { found.append(value) }
        guard found.isEmpty else { throw NetworkError(found) }
        var networks: [NetworkWeights] = []
        for index in 0..<(shape.count == 2 ? shape[0] : 1) {
            let vector = Array(entry.tensor.values[index * size..<(index + 1) * size])
            networks.append(try NetworkWeights(spec: spec, flat: vector))
        }
        return networks
    }
}

extension NetworkSpec {
    /// `2-32-32-1: 96 + 1056 + 33 parameters`
    fileprivate var parameterSum: String {
        let counts = layers.map { "\($0.outputs * $0.inputs * $0.kernelCount + $0.outputs)" }
        return "\(summary): \(counts.joined(separator: " + ")) parameters"
    }
}

extension NetworkWeights {
    /// All parameters in the order w1, b1, w2, b2 …, each row by row.
    package var flattened: [Float] { layers.flatMap { $0.weight.values + $0.bias.values } }

    /// Cuts a flat vector into the layers of `spec`, under the names that PyTorch would give them in `convention`.
    /// - Throws: when the vector's length is not the spec's parameter count.
    package init(
        spec: NetworkSpec, flat: [Float], convention: SIRENConvention = .nfn
    ) throws(NetworkError) {
        guard flat.count == spec.parameterCount else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected \(spec.parameterCount) values (\(spec.parameterSum))",
                    received: "\(flat.count)"))
        }
        let names = spec.torchNames(convention)
        var start = 0
        func take(_ shape: [Int]) -> Tensor {
            let end = start + shape.reduce(1, *)
            defer { start = end }
            return Tensor(shape: shape, values: Array(flat[start..<end]))
        }
        layers = spec.layers.indices.map { index in
            let layer = spec.layers[index]
            let weight = take(layer.weightShape)
            return NetworkLayer(
                weightName: names[index].weight, weight: weight, biasName: names[index].bias,
                bias: take([layer.outputs]))
        }
    }
}
