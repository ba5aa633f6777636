import Networks
import Tensors

/// Arrays that form a chain of layers.
struct ChainOfLayers {
    /// In the order in which they were paired.
    let leaves: [NamedLeaf]
    let form: LayeredForm
    /// Why the model does not read the chain; nil where it does, or where any network is accepted.
    let misfit: NetworkError?
    /// The names that the arrays had before they were numbered to be paired by their shapes; empty where they were not.
    var names: [String: String] = [:]
    /// Why the chain is not answered although its shapes fit, such as an element type or an array that may belong to it.
    var refusal: NetworkError?
    /// What was folded into the layers, one sentence for each.
    var notes: [String] = []

    var depth: Int { leaves.count / 2 }
    var fits: Bool { misfit == nil }
    var nodes: [Int] { leaves.flatMap(\.nodes) }
}

/// Chooses the layers among named arrays: all of them, or those that pair by their names, or by their shapes where names
/// tell nothing. The others are company, unless one of them could belong to the layers.
struct LayerSelection {
    let tree: PathTree
    let expectation: NetworkExpectation?
    /// ε of batch normalisation as the client says it; nil takes the file's or a default.
    let epsilon: Double?

    /// - Parameter leaves: arrays with axes, of unique names.
    /// - Throws: where no chain was found, what keeps all arrays together from being one.
    func chain(among leaves: [NamedLeaf]) throws(NetworkError) -> ChainOfLayers {
        let normalized = try BatchNormalization(try Reparametrization.folded(leaves), in: tree, epsilon: epsilon)
        var chain = try chain(amongFolded: normalized.leaves)
        chain.notes = normalized.notes
        return chain
    }

    private func chain(amongFolded folded: [NamedLeaf]) throws(NetworkError) -> ChainOfLayers {
        let reason: NetworkError
        do throws(NetworkError) {
            return try chain(of: folded)
        } catch {
            reason = error
        }
        let pairs = Self.pairs(folded)
        if !pairs.isEmpty {
            if pairs.count < folded.count, let chain = try? chain(of: pairs.map { folded[$0] }),
                let checked = check(chain, beside: folded)
            {
                return checked
            }
        } else if let chain = chainByShape(folded), let checked = check(chain, beside: folded) {
            return checked
        }
        throw reason
    }

    // MARK: Chains

    /// All of the arrays as one chain, apart from integers that no name calls a parameter.
    private func chain(of leaves: [NamedLeaf]) throws(NetworkError) -> ChainOfLayers {
        var parameters: [NamedLeaf] = []
        var types: [NetworkMismatch] = []
        for leaf in leaves {
            let entry = leaf.entry
            if !entry.elementType.isFloatingPoint {
                guard ParameterName(entry.name).role != nil else { continue }
                types.append(NetworkReading.dtypeMismatch(entry))
            }
            parameters.append(leaf)
        }
        guard parameters.count > 1 else {
            throw NetworkError(
                types + NetworkReading.nothingToRead(StateDict(leaves.map(\.entry)), expectation))
        }
        let pairing = LayerPairing(parameters.map(\.entry))
        parameters = pairing.order.map { parameters[$0] }
        let doubts = types.isEmpty ? pairing.doubt.map { [$0] } ?? [] : types
        let refusal = doubts.isEmpty ? nil : NetworkError(doubts)
        let form = LayeredForm(pairing, expecting: expectation)
        if form.mismatches.isEmpty {
            return ChainOfLayers(leaves: parameters, form: form, misfit: nil, refusal: refusal)
        }
        let misfit = NetworkError(types + form.mismatches)
        guard expectation != nil, pairing.mismatches.isEmpty else { throw misfit }
        let free = LayeredForm(pairing, expecting: nil)
        guard free.mismatches.isEmpty else { throw misfit }
        return ChainOfLayers(leaves: parameters, form: free, misfit: misfit, refusal: refusal)
    }

    /// A chain of arrays whose names do not pair them. Arrays that fit no other array are left out, and one more where
    /// only that leaves a chain.
    private func chainByShape(_ leaves: [NamedLeaf]) -> ChainOfLayers? {
        var kept = leaves.filter { leaf in
            leaf.entry.elementType.isFloatingPoint && !Company.isMeasurement(leaf.entry.name)
        }
        var count = -1
        while count != kept.count {
            count = kept.count
            kept = kept.filter { leaf in kept.contains { Self.mayPair(leaf.entry.tensor.shape, $0.entry.tensor.shape) }
            }
        }
        guard kept.count > 1 else { return nil }
        if let chain = try? chain(of: kept) { return chain }
        let entries = kept.map(\.entry)
        let ordered = UnnamedOrder(entries, natural: UnnamedOrder.natural(entries))
        if ordered.doubt != nil { return nil }
        kept = ordered.order.map { kept[$0] }
        if let chain = numberedChain(kept) { return chain }
        guard kept.count <= 33, !kept.count.isMultiple(of: 2) else { return nil }
        let chains = kept.indices.compactMap { index in
            numberedChain(Array(kept[..<index] + kept[(index + 1)...]))
        }
        // Arrays left out that give different chains are a choice that nothing decides.
        return chains.count == 1 ? chains[0] : nil
    }

    /// The arrays, in order, as a chain under names that are numbers, so that only shapes pair them.
    private func numberedChain(_ leaves: [NamedLeaf]) -> ChainOfLayers? {
        var numbered = leaves
        var names: [String: String] = [:]
        for (index, leaf) in leaves.enumerated() {
            let entry = leaf.entry
            names[String(index)] = entry.name
            numbered[index].entry = NamedTensor(
                name: String(index), tensor: entry.tensor, elementType: entry.elementType)
        }
        guard var chain = try? chain(of: numbered) else { return nil }
        chain.names = names
        return chain
    }

    /// Whether one of the shapes is a weight's and the other that of its bias.
    private static func mayPair(_ first: [Int], _ second: [Int]) -> Bool {
        let (weight, bias) = first.count > second.count ? (first, second) : (second, first)
        guard weight.count > bias.count, let outputs = bias.last else { return false }
        return weight.contains(outputs)
    }

    /// The positions of weights and biases that have each other's name, and shapes of a layer.
    private static func pairs(_ leaves: [NamedLeaf]) -> [Int] {
        var weights: [String: Int] = [:]
        var biases: [String: Int] = [:]
        for (index, leaf) in leaves.enumerated() {
            let name = ParameterName(leaf.entry.name)
            switch name.role {
            case .weight where weights[name.layerKey] == nil: weights[name.layerKey] = index
            case .bias where biases[name.layerKey] == nil: biases[name.layerKey] = index
            default: break
            }
        }
        let pairs = weights.compactMap { key, weight in biases[key].map { (weight, $0) } }
        let areVectors = pairs.allSatisfy { leaves[$0.0].entry.tensor.rank == 1 }
        return pairs.filter { weight, bias in
            let (weight, bias) = (leaves[weight].entry.tensor.shape, leaves[bias].entry.tensor.shape)
            return switch (weight.count, bias.count) {
            case (2, 1), (4, 1): weight.contains(bias[0])
            case (3, 2), (5, 2): weight[0] == bias[0] && weight.dropFirst().contains(bias[1])
            case (1, 1): areVectors
            default: false
            }
        }.flatMap { [$0.0, $0.1] }.sorted()
    }

    // MARK: Company

    /// The chain where the arrays beside it, in the same dict or list, are company. With a refusal where one of them
    /// could change what the network computes; nil where one is a part of a layer, which the chain then lacks.
    private func check(_ chain: ChainOfLayers, beside leaves: [NamedLeaf]) -> ChainOfLayers? {
        let taken = Set(chain.nodes)
        let container = tree.container(of: chain.nodes)
        let inside = tree[container].depth
        let layers = chain.leaves.map { chain.names[$0.entry.name] ?? $0.entry.name }
        let prefix = Self.commonPrefix(layers)
        let start = Array(layers[0].utf8.prefix(prefix))
        let patterns = Set(layers.map { Self.pattern($0, prefix) })
        let firsts = Set(layers.map { Self.pattern(Self.firstPart($0, prefix), 0) }).subtracting([""])
        let widths = chain.form.widths
        let shapes = Set(chain.leaves.map { $0.entry.tensor.shape }.filter { $0.count > 1 })
        var doubts: [NetworkMismatch] = []
        for leaf in leaves where taken.isDisjoint(with: leaf.nodes) {
            guard let node = leaf.nodes.first, tree.lineage(node).dropFirst(inside).first == container else { continue }
            let entry = leaf.entry
            let role = ParameterName(entry.name).role
            if Company.isMeasurement(entry.name) || Company.isFrequency(entry) { continue }
            if !entry.elementType.isFloatingPoint, role == nil { continue }
            if entry.tensor.rank == 2, role != .weight, Company.isFourierMatrix(entry.name) { continue }
            if role != nil, entry.name.utf8.starts(with: start),
                patterns.contains(Self.pattern(entry.name, prefix))
                    || firsts.contains(Self.pattern(Self.firstPart(entry.name, prefix), 0))
            {
                return nil
            }
            if entry.tensor.count <= 1 { continue }
            if Self.mayChange(widths, shapes, entry.tensor.shape, isNamed: role != nil) {
                doubts.append(
                    NetworkMismatch(
                        .unexpectedTensor, tensor: entry.name, expected: "the weight or the bias of one layer",
                        reason: "its shape fits the layers, so it may change what the network computes; fold it into "
                            + "them, or save the file without it",
                        received: "\(entry.tensor.shape), which belongs to none"))
            }
        }
        guard !doubts.isEmpty else { return chain }
        var refused = chain
        refused.refusal = NetworkError(doubts)
        return refused
    }

    /// Whether an array of that shape could act on the layers: a value for each neuron of a hidden layer, or a matrix
    /// that has the shape of a layer's weight or lies between hidden layers.
    private static func mayChange(
        _ widths: [Int], _ shapes: Set<[Int]>, _ shape: [Int], isNamed: Bool
    ) -> Bool {
        let hidden = Set(widths.dropFirst().dropLast())
        switch shape.count {
        case 1: return hidden.contains(shape[0]) && shape[0] > 1
        case 2:
            if shapes.contains(shape) || shapes.contains(shape.reversed()) { return true }
            return isNamed ? Set(shape).isSubset(of: Set(widths)) : Set(shape).isSubset(of: hidden)
        case 3, 4: return isNamed
        default: return false
        }
    }

    /// A name's layer without its digits and the first `prefix` bytes.
    private static func pattern(_ name: String, _ prefix: Int) -> String {
        ParameterName(String(decoding: name.utf8.dropFirst(prefix), as: UTF8.self)).layerKey.filter { !$0.isNumber }
    }

    private static func firstPart(_ name: String, _ prefix: Int) -> String {
        let rest = name.utf8.dropFirst(prefix)
        let part = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "/") }
        return part.count == rest.count ? "" : "#" + String(decoding: part, as: UTF8.self)
    }

    /// The length of the longest prefix of all names that ends at a dot or slash.
    private static func commonPrefix(_ names: [String]) -> Int {
        guard let first = names.first.map({ Array($0.utf8) }) else { return 0 }
        var length = first.count
        for name in names.dropFirst() {
            length = zip(first.prefix(length), name.utf8).prefix { $0 == $1 }.count
        }
        return first.prefix(length).lastIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }.map { $0 + 1 } ?? 0
    }
}
