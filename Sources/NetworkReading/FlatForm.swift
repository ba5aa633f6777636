import Foundation
import Networks
import Tensors

/// Reads one vector of parameters, or several, in one of the layouts of `FlatLayout`.
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
    ///   - layout: the order of the parameters.
    static func networks(
        from entry: NamedTensor, spec: NetworkSpec?, layout: FlatLayout = .pytorch
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
            networks.append(try NetworkWeights(spec: spec, flat: vector, layout: layout))
        }
        return networks
    }

    // MARK: Layouts

    /// By how many nats one layout must be likelier than the other for a vector to count.
    private static let clearEvidence = 12.0
    /// Vectors that are looked at.
    private static let mostRows = 64
    /// The fewest vectors that decide, and the part of them that must agree. One alone does not: of 905 trained CNNs 9 %
    /// look more like the other layout, most of them because channels died, whose weights are all nearly 0.
    private static let fewestRows = 4
    private static let agreement = 0.75

    /// The layout of vectors: what is said, or else what the values show; by default PyTorch's.
    ///
    /// Each layer's block of n biases and m weights begins with the biases in one layout and ends with them in the other.
    /// Biases and weights seldom have the same scale: the likelier layout is the one whose two parts have the greater
    /// likelihood −n ln σ₁ − m ln σ₂, each under a normal distribution of its own scale, summed over the layers.
    static func layout(of entry: NamedTensor, spec: NetworkSpec, said: FlatLayout?) -> FlatReading? {
        // Vectors of fully connected networks are PyTorch's: those of the zoo are CNNs.
        guard !spec.isFullyConnected else { return nil }
        if let said { return FlatReading(said, reason: "as requested", isConfident: true) }
        // A vector of another length is refused where it is read.
        guard entry.tensor.shape.last == spec.parameterCount else { return nil }
        let rows = min(entry.tensor.rank == 2 ? entry.tensor.shape[0] : 1, mostRows)
        let evidence = (0..<rows).map { row -> Double in
            var start = row * spec.parameterCount
            return spec.layers.reduce(0) { sum, layer in
                let (biases, weights) = (layer.outputs, layer.outputs * layer.inputs * layer.kernelCount)
                let block = entry.tensor.values[start..<start + biases + weights]
                start += biases + weights
                return sum + logLikelihood(block, first: biases) - logLikelihood(block, first: weights)
            }
        }
        let clear = evidence.filter { abs($0) >= clearEvidence }
        let first = clear.count { $0 > 0 }
        guard !clear.isEmpty, 2 * first != clear.count else {
            return FlatReading(
                .pytorch, reason: "a default: the values do not show where the biases are", isConfident: false)
        }
        let layout: FlatLayout = 2 * first > clear.count ? .cnnZoo : .pytorch
        let agreeing = max(first, clear.count - first)
        let place = layout == .cnnZoo ? "before" : "after"
        return FlatReading(
            layout,
            reason:
                "values of another scale stand \(place) each layer's weights in \(agreeing) of \(rows) vector\(rows == 1 ? "" : "s")",
            isConfident: rows >= fewestRows && Double(agreeing) >= agreement * Double(rows))
    }

    /// The log-likelihood, up to a constant, of a block whose first elements and whose others have scales of their own.
    private static func logLikelihood(_ block: ArraySlice<Float>, first count: Int) -> Double {
        func energy(_ part: ArraySlice<Float>) -> Double { part.reduce(0) { $0 + Double($1) * Double($1) } }
        let (first, second) = (block.prefix(count), block.dropFirst(count))
        // A part of zeros is as sure as one of a thousandth of the block's scale.
        let floor = 1e-6 * energy(block) / Double(block.count)
        func term(_ part: ArraySlice<Float>) -> Double {
            let variance = energy(part) / Double(part.count) + floor
            return variance > 0 ? -0.5 * Double(part.count) * log(variance) : 0
        }
        return term(first) + term(second)
    }
}
