import Networks
import Tensors
import WeightFormats

/// A member of a file that may be a network.
struct NetworkCandidate {
    enum Kind {
        case layers(ChainOfLayers)
        /// All parameters in one array, of the shape (parameters) or (networks, parameters).
        case flat(NamedTensor)
    }

    /// The outermost member that holds this network and no other.
    let node: Int
    let kind: Kind
    /// The nodes of the arrays.
    let arrays: [Int]

    /// Whether the model reads networks of these shapes.
    var fits: Bool {
        if case .layers(let chain) = kind { chain.fits } else { true }
    }

    /// The shapes of its arrays, which copies of a network have in common.
    var shapes: [[Int]] {
        switch kind {
        case .layers(let chain):
            chain.leaves.map(\.entry.tensor.shape).sorted { $0.lexicographicallyPrecedes($1) }
        case .flat(let entry): [entry.tensor.shape]
        }
    }
}

/// Searches a tree for members whose arrays form chains of layers, from the outermost member inwards: the arrays of a
/// dict or list, at any depth, are one network where all of them, apart from company, form one chain.
struct NetworkFinder {
    let tree: PathTree
    let options: NetworkSearchOptions
    /// The layers that a flat array is cut into.
    let flatSpec: NetworkSpec?
    /// For every node, how many arrays with axes are below, or at, it, apart from training state.
    private let arrayCounts: [Int]
    private let isTrainingState: [Bool]
    /// Arrays that may still be looked at. An array is looked at once for each member around it.
    private var budget = 1 << 18

    init(_ tree: PathTree, _ options: NetworkSearchOptions, flatSpec: NetworkSpec?) {
        self.tree = tree
        self.options = options
        self.flatSpec = flatSpec
        // Every parent precedes its children.
        var states = [Bool](repeating: false, count: tree.nodes.count)
        var named: [String: Bool] = [:]
        for index in tree.nodes.indices {
            guard let parent = tree[index].parent else { continue }
            states[index] = states[parent] || Company.isTrainingState(index, in: tree, named: &named)
        }
        var counts = [Int](repeating: 0, count: tree.nodes.count)
        for index in tree.nodes.indices.reversed() {
            if tree[index].isArray, !states[index] { counts[index] += 1 }
            if let parent = tree[index].parent { counts[parent] += counts[index] }
        }
        arrayCounts = counts
        isTrainingState = states
    }

    func arrayCount(_ node: Int) -> Int { arrayCounts[node] }
    func isTrainingState(_ node: Int) -> Bool { isTrainingState[node] }

    /// The nodes of the arrays below a node, or of the node itself, apart from training state.
    func arrays(_ node: Int) -> [Int] {
        guard arrayCounts[node] > 0 else { return [] }
        if tree[node].isArray { return [node] }
        return tree[node].children.flatMap(arrays)
    }

    // MARK: Layers

    /// The chains of layers at or below a node.
    mutating func chains(_ node: Int) throws(NetworkFault) -> [NetworkCandidate] {
        let count = arrayCounts[node]
        guard count > 1 else { return [] }
        let children = tree[node].children
        if let only = children.first(where: { arrayCounts[$0] == count }) {
            let found = try chains(only)
            guard found.count == 1 else { return found }
            return [NetworkCandidate(node: node, kind: found[0].kind, arrays: found[0].arrays)]
        }
        var misfit: [NetworkCandidate] = []
        if count <= options.arrayLimit {
            if let chain = try chain(node) {
                let candidate = NetworkCandidate(node: node, kind: .layers(chain), arrays: chain.nodes)
                let isOfCopies = options.expectation == nil && areCopies(chain.nodes)
                if chain.fits && !isOfCopies || chain.refusal != nil { return [candidate] }
                misfit = [candidate]
            }
        }
        var found: [NetworkCandidate] = []
        for child in children where arrayCounts[child] > 1 { found += try chains(child) }
        // The whole chain is preferred to parts of it, unless the model reads a part.
        let isBetter = options.expectation == nil ? found.count > 1 : found.contains { $0.fits }
        return misfit.isEmpty || isBetter ? found : misfit
    }

    /// The chain that the arrays below a node form; nil without one.
    private mutating func chain(_ node: Int) throws(NetworkFault) -> ChainOfLayers? {
        guard let leaves = try leaves(node) else { return nil }
        let selection = LayerSelection(
            tree: tree, expectation: options.expectation, epsilon: options.batchNormEpsilon)
        guard let chain = try? selection.chain(among: leaves) else { return nil }
        // What is left out may be a network of its own, such as the list of a moving average.
        let taken = Set(chain.nodes)
        let isBesideNetwork = tree[node].children.contains { child in
            tree[child].isContainer && arrayCounts[child] >= 4 && taken.isDisjoint(with: arrays(child))
        }
        if chain.leaves.count < leaves.count, isBesideNetwork { return nil }
        // One layer of several is no network.
        if chain.depth < 2, options.expectation.map({ $0.depth != 1 }) ?? (arrayCounts[node] < arrayCounts[0]) {
            return nil
        }
        return chain
    }

    /// Why the arrays below a node are no network that the model reads; nil where they are.
    func fault(_ node: Int) -> NetworkFault? {
        let arrays = arrays(node).prefix(options.arrayLimit + 1)
        if arrays.isEmpty {
            let members = tree[node].children.prefix(8).map { quoted(tree[$0].key) }.joined(separator: ", ")
            return .noArrays(
                "no weights: expected the weights and biases of a network, named or in a list"
                    + (members.isEmpty ? "" : "; found \(members)"))
        }
        guard arrays.count <= options.arrayLimit else {
            return NetworkFault(
                NetworkMismatch(
                    .unexpectedTensor, expected: "expected at most \(options.arrayLimit) arrays of one network",
                    received: "\(arrayCounts[node])"))
        }
        let areAllUnreadable = arrays.allSatisfy { tree[$0].tensor == nil }
        for array in arrays {
            guard case .unreadable(let error) = tree[array].value else { continue }
            if areAllUnreadable || ParameterName(tree.path(array)).role != nil { return .format(error) }
        }
        let container = tree.container(of: Array(arrays))
        do throws(NetworkError) {
            let leaves = arrays.compactMap { leaf($0, below: container) }
            let normalized = try BatchNormalization(
                try Reparametrization.folded(leaves), in: tree, epsilon: options.batchNormEpsilon)
            let state = StateDict(normalized.leaves.map(\.entry))
            _ = try NetworkReading(state, expecting: options.expectation, flatSpec: flatSpec)
            return nil
        } catch {
            return .network(error)
        }
    }

    /// The arrays below a node that can be read, under their names in the container that holds all of them. Nil where
    /// two have the same name.
    private mutating func leaves(_ node: Int) throws(NetworkFault) -> [NamedLeaf]? {
        budget -= arrayCounts[node]
        guard budget > 0 else {
            throw .format(FormatError(.malformed, "arrays are nested too deep in too many dicts and lists"))
        }
        let arrays = arrays(node)
        let container = tree.container(of: arrays)
        var leaves: [NamedLeaf] = []
        leaves.reserveCapacity(arrays.count)
        var names: Set<String> = []
        for array in arrays {
            guard let leaf = leaf(array, below: container) else { continue }
            guard names.insert(leaf.entry.name).inserted else { return nil }
            leaves.append(leaf)
        }
        return leaves
    }

    private func leaf(_ array: Int, below container: Int) -> NamedLeaf? {
        guard case .array(let tensor, let type) = tree[array].value else { return nil }
        let name = tree.path(array, below: container)
        return NamedLeaf(entry: NamedTensor(name: name, tensor: tensor, elementType: type), nodes: [array])
    }

    /// Whether arrays lie in two or more members of the container around them, all with the same names and shapes, and
    /// each of two layers or more.
    private func areCopies(_ nodes: [Int]) -> Bool {
        let container = tree.container(of: nodes)
        let depth = tree[container].depth + 1
        let branches = Dictionary(grouping: nodes.sorted()) { tree.lineage($0).dropFirst(depth).first ?? $0 }
        guard branches.count > 1, let first = branches.first, first.value.count >= 4 else { return false }
        func signature(_ branch: Int, _ nodes: [Int]) -> [String] {
            nodes.map { "\(tree.path($0, below: branch)) \(tree[$0].tensor?.shape ?? [])" }
        }
        let wanted = signature(first.key, first.value)
        return branches.allSatisfy { signature($0.key, $0.value) == wanted }
    }

    // MARK: Flat arrays

    /// The arrays below a node that hold as many values as a network of known sizes has parameters.
    func flats(_ node: Int) -> [NetworkCandidate] {
        guard let size = flatSpec?.parameterCount, size > 1 else { return [] }
        return arrays(node).compactMap { array in
            guard case .array(let tensor, let type) = tree[array].value, type.isFloatingPoint else { return nil }
            let long = tensor.shape.filter { $0 != 1 }
            let name = tree[array].parent == nil ? "arr_0" : tree.path(array)
            if tensor.count == size, long.count <= 1 {
                let shape = tensor.shape.count == 2 && tensor.shape[0] == 1 ? tensor.shape : [size]
                let entry = NamedTensor(name: name, tensor: tensor.reshaped(shape), elementType: type)
                return NetworkCandidate(node: array, kind: .flat(entry), arrays: [array])
            }
            // A row for each network. Columns, (parameters, networks), are no usual form and are refused by length.
            guard tensor.rank == 2, tensor.shape[1] == size, tensor.shape[0] > 0 else { return nil }
            let entry = NamedTensor(name: name, tensor: tensor, elementType: type)
            return NetworkCandidate(node: array, kind: .flat(entry), arrays: [array])
        }
    }
}
