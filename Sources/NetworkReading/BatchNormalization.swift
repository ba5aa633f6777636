import Networks
import Tensors
import WeightFormats

/// Folds batch normalisation that directly follows a layer into that layer, which computes the same in evaluation:
///
///     s = γ / √(variance + ε)      W′[o, …] = s[o] W[o, …]      b′[o] = s[o] (b[o] − mean[o]) + β[o]
///
/// where b is 0 for a layer without a bias, γ = 1 and β = 0 without these arrays. All in float64, rounded to float32.
///
/// Recognised by the names of its statistics, as PyTorch (`running_mean`, `running_var`), Flax (`mean`, `var`) and Keras
/// (`moving_mean`, `moving_variance`) have them, and in lists without names, as `get_weights()` of Keras gives them, by
/// four vectors after a kernel and its bias. The layer is the one with the same number in its name, or else the last
/// before it in the file.
struct BatchNormalization {
    private(set) var leaves: [NamedLeaf]
    /// One sentence for each normalisation that was folded.
    private(set) var notes: [String] = []
    private let tree: PathTree
    private let epsilon: Double?

    /// - Parameters:
    ///   - leaves: in file order, with unique names.
    ///   - epsilon: ε as the client says it; nil takes a number of that name in the file, or the library's default.
    /// - Throws: where statistics are missing, or the layer before a normalisation is not clear.
    init(_ leaves: [NamedLeaf], in tree: PathTree, epsilon: Double?) throws(NetworkError) {
        self.leaves = leaves
        self.tree = tree
        self.epsilon = epsilon
        let named = Self.named(leaves)
        if !named.isEmpty {
            try fold(named)
        } else if !leaves.contains(where: { ParameterName($0.entry.name).role != nil }) {
            try foldUnnamed()
        }
        try refuseOthers()
    }

    /// One normalisation: positions in `leaves`.
    private struct Norm {
        var module: String
        var order: Int
        var mean: Int?
        var variance: Int?
        var gamma: Int?
        var beta: Int?
        var isKeras = false

        var parts: [Int] { [mean, variance, gamma, beta].compactMap(\.self) }
    }

    // MARK: By names

    private static let means: Set = ["running_mean", "moving_mean", "mean"]
    private static let variances: Set = ["running_var", "moving_variance", "moving_var", "var"]
    private static let gammas: Set = ["weight", "gamma", "scale"]
    private static let betas: Set = ["bias", "beta", "offset"]
    /// Members that hold one kind of arrays of all layers.
    private static let collections: Set = ["params", "batch_stats", "state", "variables"]

    /// The module and the last part of a name, without `:0` as Keras appends it.
    private static func split(_ name: String) -> (module: String, part: String) {
        let short = name.hasSuffix(":0") ? String(name.dropLast(2)) : name
        let parts = short.split(whereSeparator: { $0 == "." || $0 == "/" }).filter { !collections.contains(String($0)) }
        return (parts.dropLast().joined(separator: "."), String(parts.last ?? ""))
    }

    private static func named(_ leaves: [NamedLeaf]) -> [Norm] {
        // Every name of a variance holds "var"; few others do.
        guard leaves.contains(where: { $0.entry.name.holds("var") && variances.contains(split($0.entry.name).part) })
        else { return [] }
        var norms: [String: Norm] = [:]
        var others: [(module: String, part: String, index: Int)] = []
        for (index, leaf) in leaves.enumerated() where leaf.entry.tensor.rank == 1 {
            let (module, part) = split(leaf.entry.name)
            if means.contains(part) {
                norms[module, default: Norm(module: module, order: index)].mean = index
            } else if variances.contains(part) {
                norms[module, default: Norm(module: module, order: index)].variance = index
            } else {
                others.append((module, part, index))
                continue
            }
            if part.hasPrefix("moving") { norms[module]?.isKeras = true }
        }
        for (module, part, index) in others where norms[module] != nil {
            if gammas.contains(part) { norms[module]?.gamma = index }
            if betas.contains(part) { norms[module]?.beta = index }
        }
        // One of the two alone may be anything beside fully connected layers.
        let areConvolutions = leaves.contains { $0.entry.tensor.rank == 4 }
        let known = norms.values.filter { areConvolutions || ($0.mean != nil && $0.variance != nil) }
        return known.map { norm in
            var norm = norm
            norm.order = norm.parts.min() ?? norm.order
            return norm
        }.sorted { $0.order < $1.order }
    }

    private mutating func fold(_ norms: [Norm]) throws(NetworkError) {
        let weights = leaves.indices.filter { [2, 4].contains(leaves[$0].entry.tensor.rank) }
        var taken: [Int: Norm] = [:]
        for norm in norms {
            guard let mean = norm.mean, let variance = norm.variance else {
                throw Self.missing(leaves[norm.parts[0]].entry, "both the running mean and the running variance")
            }
            let count = leaves[mean].entry.tensor.count
            let fitting = weights.filter { Self.outputs(leaves[$0].entry) == count }
            let own = Self.number(norm.module)
            let sameNumber = fitting.filter { Self.number(Self.split(leaves[$0].entry.name).module) == own }
            let before = fitting.last { $0 < norm.order && (weights.last { $0 < norm.order }) == $0 }
            // Modules that are numbers only are in sequence.
            let isNumber = Int(norm.module.split(separator: ".").last ?? "") != nil
            guard let weight = (isNumber || sameNumber.count != 1 ? before : sameNumber[0]), taken[weight] == nil else {
                throw NetworkError(
                    NetworkMismatch(
                        .unexpectedTensor, tensor: leaves[variance].entry.name,
                        expected: "a batch normalisation directly after a layer of \(count) outputs",
                        reason: "only then can it be folded into the layer", received: "another place or size"))
            }
            if isNumber, let place = Int(norm.module.split(separator: ".").last ?? ""),
                let other = Int(Self.split(leaves[weight].entry.name).module.split(separator: ".").last ?? ""),
                place != other + 1
            {
                throw NetworkError(
                    NetworkMismatch(
                        .unexpectedTensor, tensor: leaves[variance].entry.name,
                        expected:
                            "a batch normalisation directly after \(NetworkMismatch.quoted(leaves[weight].entry.name))",
                        reason: "behind an activation it cannot be folded into the layer",
                        received: "\(place - other - 1) modules between them"))
            }
            taken[weight] = norm
        }
        var removed: Set<Int> = []
        var added: [Int: NamedLeaf] = [:]
        for (weight, norm) in taken.sorted(by: { $0.key < $1.key }) {
            let bias = Self.bias(of: weight, in: leaves)
            removed.formUnion(norm.parts)
            try apply(norm, to: weight, bias: bias, adding: &added)
        }
        rebuild(without: removed, adding: added)
    }

    /// The trailing number of a module's last name; −1 without one.
    private static func number(_ module: String) -> Int {
        let last = module.split(separator: ".").last ?? ""
        return Int(String(last.reversed().prefix { $0.isNumber }.reversed())) ?? -1
    }

    private static func outputs(_ entry: NamedTensor) -> Int {
        isInputsFirst(entry) ? entry.tensor.shape[entry.tensor.rank - 1] : entry.tensor.shape[0]
    }

    /// Whether the outputs are the last axis: of arrays with the names of Flax and Keras, or without names.
    private static func isInputsFirst(_ entry: NamedTensor) -> Bool {
        let name = ParameterName(entry.name)
        return name.role == nil || name.usesKernelWord
    }

    private static func bias(of weight: Int, in leaves: [NamedLeaf]) -> Int? {
        let key = ParameterName(leaves[weight].entry.name).layerKey
        return leaves.indices.first { index in
            let name = ParameterName(leaves[index].entry.name)
            return name.role == .bias && name.layerKey == key
        }
    }

    // MARK: Without names

    private mutating func foldUnnamed() throws(NetworkError) {
        let order = leaves.indices.sorted { naturallyPrecedes(leaves[$0].entry.name, leaves[$1].entry.name) }
        var removed: Set<Int> = []
        var added: [Int: NamedLeaf] = [:]
        var place = 0
        while place < order.count {
            let weight = order[place]
            place += 1
            guard [2, 4].contains(leaves[weight].entry.tensor.rank) else { continue }
            let vectors = order[place...].prefix { leaves[$0].entry.tensor.rank == 1 }
            place += vectors.count
            let count = leaves[weight].entry.tensor.shape.last ?? 0
            guard vectors.count == 4 || vectors.count == 5,
                vectors.allSatisfy({ leaves[$0].entry.tensor.count == count })
            else { continue }
            let parts = Array(vectors.suffix(4))
            let norm = Norm(
                module: leaves[parts[3]].entry.name, order: parts[0], mean: parts[2], variance: parts[3],
                gamma: parts[0], beta: parts[1], isKeras: true)
            removed.formUnion(parts)
            try apply(norm, to: weight, bias: vectors.count == 5 ? vectors.first : nil, adding: &added)
        }
        if !removed.isEmpty { rebuild(without: removed, adding: added) }
    }

    // MARK: Folding

    private mutating func apply(
        _ norm: Norm, to weight: Int, bias: Int?, adding added: inout [Int: NamedLeaf]
    ) throws(NetworkError) {
        guard let mean = norm.mean, let variance = norm.variance else { return }
        let entry = leaves[weight].entry
        let count = leaves[mean].entry.tensor.count
        for part in norm.parts + [bias].compactMap(\.self) where leaves[part].entry.tensor.count != count {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, tensor: leaves[part].entry.name, expected: "[\(count)]",
                    reason: "outputs of \(NetworkMismatch.quoted(entry.name))",
                    received: "\(leaves[part].entry.tensor.shape)"))
        }
        let (value, source) = epsilon(norm)
        func values(_ part: Int?, _ standard: Double) -> [Double] {
            part.map { leaves[$0].entry.tensor.values.map { Double($0) } }
                ?? [Double](repeating: standard, count: count)
        }
        let (gamma, beta, means) = (values(norm.gamma, 1), values(norm.beta, 0), values(mean, 0))
        let variances = values(variance, 1)
        if let negative = variances.firstIndex(where: { !($0 + value > 0) }) {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, tensor: leaves[variance].entry.name, expected: "variances of at least 0",
                    received: "\(variances[negative]) at \(negative)"))
        }
        let factors = zip(gamma, variances).map { $0 / ($1 + value).squareRoot() }
        let old = values(bias, 0)
        let shifted = (0..<count).map { output -> Float in
            let centered: Double = old[output] - means[output]
            return Float(factors[output] * centered + beta[output])
        }
        let isLast = Self.isInputsFirst(entry)
        let inner = isLast ? 1 : entry.tensor.count / count
        let scaled = entry.tensor.values.enumerated().map { index, weight in
            Float(Double(weight) * factors[index / inner % count])
        }
        leaves[weight] = NamedLeaf(
            entry: NamedTensor(
                name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: scaled),
                elementType: entry.elementType),
            nodes: leaves[weight].nodes + leaves[variance].nodes + (norm.gamma.map { leaves[$0].nodes } ?? []))
        let nodes = leaves[mean].nodes + (norm.beta.map { leaves[$0].nodes } ?? [])
        let name = bias.map { leaves[$0].entry.name } ?? Self.biasName(entry.name)
        let folded = NamedLeaf(
            entry: NamedTensor(name: name, tensor: Tensor(shape: [count], values: shifted)),
            nodes: (bias.map { leaves[$0].nodes } ?? []) + nodes)
        if let bias { leaves[bias] = folded } else { added[weight] = folded }
        notes.append(
            "the batch normalisation \(NetworkMismatch.quoted(norm.module)) is folded into "
                + "\(NetworkMismatch.quoted(entry.name)) with epsilon \(value), \(source)")
    }

    private static func biasName(_ weight: String) -> String {
        let name = ParameterName(weight)
        // Unnamed arrays are numbered: the bias sorts after its weight.
        return name.role == nil ? weight + ".bias" : name.partner(siblings: [:])
    }

    private mutating func rebuild(without removed: Set<Int>, adding added: [Int: NamedLeaf]) {
        leaves = leaves.indices.flatMap { index -> [NamedLeaf] in
            removed.contains(index) ? [] : [leaves[index]] + [added[index]].compactMap(\.self)
        }
    }

    /// ε and where it comes from.
    private func epsilon(_ norm: Norm) -> (Double, String) {
        if let epsilon { return (epsilon, "as requested") }
        let names: Set = ["eps", "epsilon", "bn_eps", "bn_epsilon", "batch_norm_eps", "batch_norm_epsilon"]
        for (index, node) in tree.nodes.enumerated() where names.contains(node.key.lowercased()) {
            var value: Double?
            if case .number(let number) = node.value { value = number }
            if let tensor = node.tensor, tensor.count == 1 { value = Double(tensor.values[0]) }
            let path = tree.path(index)
            guard let value, value > 0, value < 1, !path.holds("optim"), !path.holds("param_groups") else {
                continue
            }
            return (value, "\(path.suffix(60)) in the file")
        }
        return norm.isKeras ? (1e-3, "the default of Keras") : (1e-5, "the default of PyTorch and Flax")
    }

    // MARK: Others

    /// Refuses normalisations without statistics in networks of convolutions.
    private func refuseOthers() throws(NetworkError) {
        guard leaves.contains(where: { $0.entry.tensor.rank == 4 }) else { return }
        for leaf in leaves where leaf.entry.tensor.rank == 1 {
            let (module, part) = Self.split(leaf.entry.name)
            guard Self.gammas.contains(part), !module.isEmpty else { continue }
            let hasPartner = leaves.contains { other in
                let name = Self.split(other.entry.name)
                return name.module == module && Self.betas.contains(name.part)
                    && other.entry.tensor.shape == leaf.entry.tensor.shape
            }
            if hasPartner { throw Self.missing(leaf.entry, "running_mean and running_var beside it") }
        }
    }

    private static func missing(_ entry: NamedTensor, _ wanted: String) -> NetworkError {
        NetworkError(
            NetworkMismatch(
                .missingTensor, tensor: entry.name, expected: wanted,
                reason:
                    "it belongs to a normalisation, which is read only as a batch normalisation with its statistics, "
                    + "as model.state_dict() has them, since they are folded into the layer before; layer and group "
                    + "normalisation cannot be folded",
                received: "no such statistics"))
    }
}
