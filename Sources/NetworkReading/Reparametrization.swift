import Networks
import Tensors

/// An array of a tree with its name and the nodes that it was made of.
struct NamedLeaf {
    var entry: NamedTensor
    /// One node, or several where a reparametrised weight was folded.
    let nodes: [Int]
}

/// Folds reparametrised weights, as PyTorch's `torch.nn.utils` saves them, into the weights that the network computes
/// with, in float64.
///
/// - Weight norm, `weight_g` and `weight_v` or `parametrizations.weight.original0` and `.original1`:
///   W = v · g / ‖v‖, where the norm is taken over the axes along which g has the extent 1.
/// - Spectral norm, `weight_orig`, `weight_u` and `weight_v` or `parametrizations.weight.original`, `.0._u` and `.0._v`:
///   W = W₀ / (uᵀ W₀ v) with W₀ as a matrix of one row for each element of u, as PyTorch evaluates it.
/// - Pruning, `weight_orig` and `weight_mask`: W = W₀ · mask.
enum Reparametrization {
    /// The arrays with every reparametrised one in place of its parts.
    /// - Parameter leaves: with unique names.
    /// - Throws: where a part is missing, shapes do not fit, or the parametrisation is unknown.
    static func folded(_ leaves: [NamedLeaf]) throws(NetworkError) -> [NamedLeaf] {
        guard leaves.contains(where: { isPart($0.entry.name) }) else { return leaves }
        var groups: [String: [String: Int]] = [:]
        for (index, leaf) in leaves.enumerated() {
            guard let (base, part) = split(leaf.entry.name) else { continue }
            groups[base, default: [:]][part] = index
        }
        var result: [Int: NamedLeaf] = [:]
        var used: Set<Int> = []
        for (base, parts) in groups {
            guard let weight = try Folding(base, parts.mapValues { leaves[$0].entry }).weight() else { continue }
            let indices = parts.values.sorted()
            // A weight beside its parts was saved as computed, and is replaced by the same values.
            guard let first = indices.first else { continue }
            used.formUnion(indices)
            result[first] = NamedLeaf(entry: weight, nodes: indices.flatMap { leaves[$0].nodes })
        }
        let names = Set(result.values.map(\.entry.name))
        return leaves.indices.compactMap { index in
            if let folded = result[index] { return folded }
            return used.contains(index) || names.contains(leaves[index].entry.name) ? nil : leaves[index]
        }
    }

    private static let suffixes = ["_orig", "_mask", "_g", "_v", "_u"]
    private static let marker = "parametrizations."

    private static func isPart(_ name: String) -> Bool {
        suffixes.contains { name.hasSuffix($0) } || name.holds(marker)
    }

    /// `net.0.weight_g` as `net.0.weight` and `g`; `net.0.parametrizations.weight.0._u` as `net.0.weight` and
    /// `parametrizations.0._u`.
    private static func split(_ name: String) -> (base: String, part: String)? {
        if let range = name.range(ofLast: marker) {
            let rest = name[range.upperBound...]
            guard let dot = rest.firstIndex(of: ".") else { return nil }
            return (String(name[..<range.lowerBound] + rest[..<dot]), marker + rest[rest.index(after: dot)...])
        }
        guard let suffix = suffixes.first(where: { name.hasSuffix($0) }) else { return nil }
        let base = String(name.dropLast(suffix.count))
        return base.isEmpty || base.hasSuffix(".") ? nil : (base, String(suffix.dropFirst()))
    }
}

/// One reparametrised weight.
private struct Folding {
    private let base: String
    private let parts: [String: NamedTensor]

    init(_ base: String, _ parts: [String: NamedTensor]) {
        self.base = base
        self.parts = parts
    }

    /// The weight; nil where the names only look like parts, as `loss_g` does.
    func weight() throws(NetworkError) -> NamedTensor? {
        if parts.keys.contains(where: { $0.hasPrefix("parametrizations.") }) { return try parametrized() }
        if let original = parts["orig"] {
            if let mask = parts["mask"] { return try pruned(original, mask) }
            if let u = parts["u"], let v = parts["v"] { return try spectral(original, u, v) }
            guard parts["u"] == nil else { throw missing("\(base)_v", of: original) }
            // Older versions of PyTorch kept no `v`, and the weight as it was computed beside its parts.
            return nil
        }
        if let g = parts["g"], let v = parts["v"] { return try normalized(v, g) }
        if ParameterName(base).role != nil {
            if let v = parts["v"] { throw missing("\(base)_g", of: v) }
            if let g = parts["g"] { throw missing("\(base)_v", of: g) }
        }
        return nil
    }

    private func parametrized() throws(NetworkError) -> NamedTensor {
        var rest = Dictionary(
            uniqueKeysWithValues: parts.compactMap { name, entry in
                name.hasPrefix("parametrizations.") ? (String(name.dropFirst("parametrizations.".count)), entry) : nil
            })
        let first = rest.first?.value
        var weight: NamedTensor
        var isKnown = false
        if let direction = rest.removeValue(forKey: "original1") {
            guard let size = rest.removeValue(forKey: "original0") else { throw missing("original0", of: direction) }
            weight = try normalized(direction, size)
            isKnown = true
        } else if let original = rest.removeValue(forKey: "original") {
            weight = named(original, original.tensor)
        } else {
            throw missing("original", of: first)
        }
        for step in 0..<8 {
            guard let u = rest.removeValue(forKey: "\(step)._u") else { continue }
            guard let v = rest.removeValue(forKey: "\(step)._v") else { throw missing("\(step)._v", of: u) }
            weight = try spectral(weight, u, v)
            isKnown = true
        }
        guard isKnown, rest.isEmpty else {
            throw NetworkError(
                NetworkMismatch(
                    .unexpectedTensor, tensor: rest.values.first?.name ?? first?.name ?? base,
                    expected: "a parametrisation by weight norm or spectral norm",
                    reason: "others cannot be computed from their arrays; call remove_parametrizations before saving",
                    received: "another one"))
        }
        return weight
    }

    /// v · g / ‖v‖
    private func normalized(_ direction: NamedTensor, _ size: NamedTensor) throws(NetworkError) -> NamedTensor {
        let v = direction.tensor
        let rank = v.rank
        var extents = size.tensor.shape
        // A vector of one size for each output, and a single size, which older versions save.
        if extents.count == 1, rank > 1 {
            extents = [extents[0]] + [Int](repeating: 1, count: rank - 1)
        } else if extents.isEmpty {
            extents = [Int](repeating: 1, count: rank)
        }
        guard extents.count == rank, zip(extents, v.shape).allSatisfy({ $0 == 1 || $0 == $1 }) else {
            let wanted = [v.shape.first ?? 1] + [Int](repeating: 1, count: max(rank - 1, 0))
            throw misfit(size, "\(wanted)", of: direction)
        }
        let places = Self.places(v.shape, keeping: extents)
        var squares = [Double](repeating: 0, count: size.tensor.count)
        for (value, place) in zip(v.values, places) { squares[place] += Double(value) * Double(value) }
        let factors = zip(squares, size.tensor.values).map { Double($1) / $0.squareRoot() }
        let values = zip(v.values, places).map { Float(Double($0) * factors[$1]) }
        return named(direction, Tensor(shape: v.shape, values: values))
    }

    /// For every element of `shape`, its place in an array with the extents `kept`, each 1 or that of the shape.
    private static func places(_ shape: [Int], keeping kept: [Int]) -> [Int] {
        var places = [0]
        var stride = 1
        var strides = [Int](repeating: 0, count: shape.count)
        for axis in shape.indices.reversed() {
            strides[axis] = kept[axis] == 1 ? 0 : stride
            stride *= kept[axis]
        }
        for axis in shape.indices {
            var next: [Int] = []
            next.reserveCapacity(places.count * shape[axis])
            for place in places {
                for index in 0..<shape[axis] { next.append(place + index * strides[axis]) }
            }
            places = next
        }
        return places
    }

    /// W₀ / (uᵀ W₀ v). W₀ has a row for each index of the axis whose extent is u's length: the first, or else the
    /// second, as in transposed convolutions.
    private func spectral(
        _ original: NamedTensor, _ u: NamedTensor, _ v: NamedTensor
    ) throws(NetworkError) -> NamedTensor {
        let weight = original.tensor
        let rows = u.tensor.count
        guard weight.rank > 1, rows > 0, rows * v.tensor.count == weight.count, u.tensor.rank == 1 else {
            let height = weight.shape.first ?? 1
            throw misfit(
                u.tensor.count == height ? v : u,
                u.tensor.count == height ? "[\(weight.count / max(height, 1))]" : "[\(height)]", of: original)
        }
        guard let axis = weight.shape.prefix(2).firstIndex(of: rows) else {
            throw misfit(u, "[\(weight.shape[0])]", of: original)
        }
        let inner = weight.shape[(axis + 1)...].reduce(1, *)
        var sigma = 0.0
        for (index, value) in weight.values.enumerated() {
            let row = index / inner % rows
            let column = index / (inner * rows) * inner + index % inner
            sigma += Double(u.tensor.values[row]) * Double(value) * Double(v.tensor.values[column])
        }
        let values = weight.values.map { Float(Double($0) / sigma) }
        return named(original, Tensor(shape: weight.shape, values: values))
    }

    private func pruned(_ original: NamedTensor, _ mask: NamedTensor) throws(NetworkError) -> NamedTensor {
        guard original.tensor.shape == mask.tensor.shape else {
            throw misfit(mask, "\(original.tensor.shape)", of: original)
        }
        let values = zip(original.tensor.values, mask.tensor.values).map { Float(Double($0) * Double($1)) }
        return named(original, Tensor(shape: original.tensor.shape, values: values))
    }

    private func named(_ original: NamedTensor, _ tensor: Tensor) -> NamedTensor {
        NamedTensor(name: base, tensor: tensor, elementType: original.elementType)
    }

    private func missing(_ name: String, of part: NamedTensor?) -> NetworkError {
        NetworkError(
            NetworkMismatch(
                .missingTensor, tensor: name,
                expected: "the other part of \(NetworkMismatch.quoted(part?.name ?? base))",
                reason: "the weight \(NetworkMismatch.quoted(base)) is reparametrised", received: "nothing"))
    }

    private func misfit(_ part: NamedTensor, _ wanted: String, of whole: NamedTensor) -> NetworkError {
        NetworkError(
            NetworkMismatch(
                .shapeMismatch, tensor: part.name, expected: wanted,
                reason: "\(NetworkMismatch.quoted(whole.name)) has the shape \(whole.tensor.shape)",
                received: "\(part.tensor.shape)"))
    }
}
