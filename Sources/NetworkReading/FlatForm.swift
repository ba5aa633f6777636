import Networks
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
