import Networks
import Tensors

/// Reads one vector of parameters, or several, in the order w0, b0, w1, b1, …, each array row-major.
enum FlatForm {
    /// Whether a file's only tensor is a vector or matrix of all parameters, and not one layer's weight or bias by its
    /// name.
    static func isFlat(_ entry: NamedTensor) -> Bool {
        let name = ParameterName(entry.name)
        return entry.tensor.rank <= 2 && (name.role == nil || name.isBareRole)
    }

    /// - Parameters:
    ///   - entry: (parameters) or (networks, parameters).
    ///   - spec: the layers to cut each vector into; nil where nothing tells them, which is an error.
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
        if let value = NetworkMismatch.nonFiniteValue(entry) { found.append(value) }
        guard found.isEmpty else { throw NetworkError(found) }
        var networks: [NetworkWeights] = []
        for index in 0..<(shape.count == 2 ? shape[0] : 1) {
            let vector = Array(entry.tensor.values[index * size..<(index + 1) * size])
            networks.append(try NetworkWeights(spec: spec, flat: vector))
        }
        return networks
    }
}
