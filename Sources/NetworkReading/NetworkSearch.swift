import Networks
import Tensors
import WeightFormats

/// The networks of a file, wherever they are in its tree.
///
/// A network is a member whose arrays form a chain of layers, in any nesting of dicts and lists under any keys; or one
/// array of all parameters, where the layers' sizes are known. Training state is passed over, and so are arrays beside
/// the layers that belong to none of them.
///
/// Several networks are a batch. Two are taken for copies of one network, of which the file does not say which is meant,
/// where arrays of the same shapes lie under sibling keys and one of the keys speaks of a copy (`ema`, `online`,
/// `target`, `best`, `last`, …), or all of them only of a network (`model`, `state_dict`): that is an error, which names
/// the paths to choose from, unless all values are equal too.
package struct NetworkSearch: Sendable {
    /// A network, or what stands in its place in a batch.
    package struct Entry: Sendable {
        /// The key, or the index in a list that holds other values too, in a batch; else nil.
        package let name: String?
        package internal(set) var result: Result<FoundNetwork, NetworkFault>
    }

    /// In file order; never empty.
    package private(set) var entries: [Entry] = []
    /// Whether the file has the form of a batch, even of one network. Stacks are told by `FoundNetwork.isStack`.
    package private(set) var isBatch = false
    /// The paths of members that were passed over, at most 64.
    package private(set) var ignored: [String] = []

    /// - Parameter flatSpec: the layers that a flat array is cut into where no expectation says them; evaluated only
    ///   where no layers were found.
    /// - Throws: where the whole file is at fault: copies of one network, an unknown member, or no network.
    package init(
        _ tree: FileTree, _ options: NetworkSearchOptions = NetworkSearchOptions(),
        flatSpec: @autoclosure () -> NetworkSpec? = nil
    ) throws(NetworkFault) {
        let paths: PathTree
        do throws(FormatError) {
            paths = try PathTree(tree, isDocument: options.isDocument, layerLimit: options.tensorLimit)
        } catch {
            throw .format(error)
        }
        var run = SearchRun(NetworkFinder(paths, options, flatSpec: options.expectation?.spec))
        do throws(NetworkFault) {
            try run.search()
        } catch {
            guard options.expectation == nil, paths.nodes.contains(where: { $0.tensor?.isLong == true }),
                let spec = flatSpec()
            else { throw error }
            run = SearchRun(NetworkFinder(paths, options, flatSpec: spec))
            try run.search()
        }
        run.recordPlacements()
        (entries, isBatch, ignored) = (run.entries, run.isBatch, run.ignored)
    }
}

extension Tensor {
    /// Whether it may hold all parameters of a network, or a row of them for each of several.
    fileprivate var isLong: Bool { rank == 2 || rank > 0 && shape.count(where: { $0 != 1 }) == 1 }
}

/// One search through a tree.
private struct SearchRun {
    private(set) var entries: [NetworkSearch.Entry] = []
    private(set) var isBatch = false
    private(set) var ignored: [String] = []
    private var finder: NetworkFinder
    private let tree: PathTree
    private let options: NetworkSearchOptions
    /// Arrays that stacks may still be split into, and networks that may still be read.
    private var tensorsLeft: Int
    private var networksLeft: Int
    /// Nodes of the networks' arrays, and of members of a batch that are none: they are not ignored.
    private var taken: Set<Int> = []
    /// Each entry that is a network, where places are recorded, by the entry's position.
    private var placed: [Int: PlacedCandidate] = [:]
    /// Members that are another one again, which is read.
    private var duplicates: Set<Int> = []
    /// The member that is searched.
    private var start = PathTree.root

    init(_ finder: NetworkFinder) {
        self.finder = finder
        tree = finder.tree
        options = finder.options
        tensorsLeft = finder.options.tensorLimit
        networksLeft = finder.options.networkLimit
    }

    mutating func search() throws(NetworkFault) {
        if let member = options.member {
            guard let node = tree.node(at: member) else { throw unknownMember(member) }
            start = node
        }
        if let elements = try documentBatch(start) {
            isBatch = true
            // One more than the limit shows the caller that there are too many.
            for element in elements.prefix(min(options.networkLimit, elements.count) + 1) {
                let isListed = tree[element].parent.map { tree[$0].isList } ?? true
                try answer(element, name: isListed ? nil : tree[element].key)
            }
        } else {
            try searchMember(start)
        }
        ignored = ignoredPaths()
    }

    /// Records where the networks are, where the options ask for it.
    mutating func recordPlacements() {
        PlacementRecorder(finder: finder, start: start, duplicates: duplicates).record(
            placed, isBatch: isBatch, in: &entries)
    }

    // MARK: Batches of a document

    /// The elements of a JSON document's batch; nil where it is none.
    private mutating func documentBatch(_ start: Int) throws(NetworkFault) -> [Int]? {
        guard options.isDocument else { return nil }
        var batch = start
        if !tree[start].isList {
            let children = tree[start].children
            guard let inputs = children.first(where: { tree[$0].key == "inputs" && tree[$0].isContainer }) else {
                return nil
            }
            if children.contains(where: { $0 != inputs && finder.arrayCount($0) > 1 }) {
                throw .format(
                    FormatError(
                        .malformed,
                        "both 'inputs' and weights beside it; expected one of them, or the option member=PATH"))
            }
            batch = inputs
        }
        let all = tree[batch].children
        let elements = all.filter { !finder.isTrainingState($0) }
        // A network and the state of its optimiser.
        if elements.count == 1, all.count > 1 { return nil }
        guard !elements.isEmpty else { throw .format(FormatError(.malformed, "no networks in the array")) }
        // The layers of one network, each an array or a small list or dict of its own.
        if elements.allSatisfy({ finder.arrayCount($0) <= 2 }), elements.count > 1 || tree[elements[0]].isArray,
            finder.arrayCount(batch) <= options.arrayLimit
        {
            let chains = try finder.chains(batch)
            if chains.contains(where: { tree.lineage(batch).contains($0.node) || $0.node == batch }) { return nil }
            if elements.contains(where: { tree[$0].isArray }), finder.flats(batch).isEmpty { return nil }
        }
        return elements
    }

    /// Answers an element of a batch, whatever it is.
    private mutating func answer(_ node: Int, name: String?) throws(NetworkFault) {
        let before = entries.count
        taken.insert(node)
        do throws(NetworkFault) {
            let candidates = distinct(try candidates(node))
            guard candidates.count <= 1 else { throw several(candidates, "networks in one element of a batch") }
            guard let candidate = candidates.first else { throw fault(node) }
            try append(candidate, name: name, branch: node)
        } catch {
            guard !isOfWholeFile(error) else { throw error }
            entries.removeSubrange(before...)
            placed = placed.filter { $0.key < before }
            append(failure: Self.within(tree.path(node), error), name: name)
        }
    }

    private func isOfWholeFile(_ fault: NetworkFault) -> Bool {
        if case .network(let error) = fault { error.mismatches.first?.code == .batchTooLarge } else { false }
    }

    /// The fault with the element's path before its first sentence.
    private static func within(_ path: String, _ fault: NetworkFault) -> NetworkFault {
        switch fault {
        case .format(let error): .format(error.within(path))
        case .network: fault
        case .noArrays(let detail): .noArrays("\(path): \(detail)")
        }
    }

    // MARK: Members

    private mutating func searchMember(_ start: Int) throws(NetworkFault) {
        let candidates = distinct(try candidates(start))
        guard let first = candidates.first else { throw fault(start) }
        let base = candidates.count > 1 ? commonAncestor(candidates.map(\.node)) : tree[first.node].parent ?? first.node
        let others = others(candidates, below: base, start: start)
        guard candidates.count > 1 || !others.isEmpty else {
            try append(first, name: nil, branch: start)
            return
        }
        let names = names(candidates, below: base)
        if let copies = copies(candidates, names) { throw several(copies, "copies of one network, of equal shapes") }
        isBatch = true
        var members: [(node: Int, name: String, candidate: NetworkCandidate?)] = zip(candidates, names)
            .map { ($0.node, $1, $0) }
        members += others.map { ($0, tree.path($0, below: base), nil) }
        members.sort { $0.node < $1.node }
        for member in members {
            if let candidate = member.candidate {
                do throws(NetworkFault) {
                    try append(candidate, name: member.name, branch: branch(candidate.node, below: base))
                } catch {
                    guard !isOfWholeFile(error) else { throw error }
                    append(failure: error, name: member.name)
                }
            } else {
                taken.insert(member.node)
                append(failure: fault(member.node), name: member.name)
            }
        }
    }

    /// The networks at or below a node: those that the model reads; else those that can be evaluated, where that is
    /// enough; else all chains of layers.
    private mutating func candidates(_ node: Int) throws(NetworkFault) -> [NetworkCandidate] {
        let chains = try finder.chains(node)
        let fitting = chains.filter(\.fits)
        if !fitting.isEmpty { return fitting }
        let flats = finder.flats(node)
        if !flats.isEmpty { return flats }
        if options.readsAnyFunction {
            let functions = chains.filter(isFunction)
            if !functions.isEmpty { return functions }
        }
        return isPartOfLargerNetwork(chains, node) ? [] : chains
    }

    /// Whether the only chain lacks an array that lies beside its layers and is named like them.
    private func isPartOfLargerNetwork(_ chains: [NetworkCandidate], _ node: Int) -> Bool {
        guard chains.count == 1 else { return false }
        let inside = tree.container(of: chains[0].arrays)
        let own = Set(chains[0].arrays)
        return finder.arrays(inside).contains { array in
            guard !own.contains(array) else { return false }
            let path = tree.path(array, below: inside)
            return ParameterName(path).role != nil && !Company.isMeasurement(path)
        }
    }

    /// Whether a network can be evaluated at coordinates of two numbers.
    private func isFunction(_ candidate: NetworkCandidate) -> Bool {
        guard case .layers(let chain) = candidate.kind, chain.leaves.allSatisfy({ $0.entry.tensor.rank <= 3 }),
            let inputs = chain.form.widths.first, let outputs = chain.form.widths.last, outputs == 1 || outputs == 3
        else { return false }
        if inputs == 2 { return true }
        return context(candidate, branch: candidate.node).context.fourierMatrix(inputs: inputs) != nil
    }

    /// Members beside the networks of a batch that were meant as networks too: those that hold named weights and biases
    /// beside several networks, and beside one those under its names, or under its key with another number, that do not
    /// form a chain at all.
    private func others(_ candidates: [NetworkCandidate], below base: Int, start: Int) -> [Int] {
        guard tree.lineage(base).contains(start), let first = candidates.first else { return [] }
        let branches = Set(candidates.map { branch($0.node, below: base) })
        return tree[base].children.filter { child in
            guard !branches.contains(child), finder.arrayCount(child) > 1, tree[child].value == nil,
                !finder.isTrainingState(child)
            else { return false }
            let names = finder.arrays(child).prefix(64).map { tree.path($0, below: child) }
            let roles = Set(names.compactMap { ParameterName($0).role.map { $0 == .weight } })
            guard candidates.count == 1 else { return roles.count == 2 }
            let sibling = branch(first.node, below: base)
            guard tree[sibling].parent == base, sibling == first.node, tree[child].isContainer else { return false }
            func letters(_ key: String) -> String { key.filter { !$0.isNumber } }
            let own = Set(finder.arrays(sibling).map { tree.path($0, below: sibling) })
            let shared = names.count(where: own.contains)
            let (key, siblingKey) = (tree[child].key, tree[sibling].key)
            return roles.count == 2 && key != siblingKey && letters(key) == letters(siblingKey)
                || 2 * shared >= own.count && finder.fault(child).map(isMissing) ?? false
        }
    }

    private func isMissing(_ fault: NetworkFault) -> Bool {
        if case .network(let error) = fault { error.mismatches.contains { $0.code == .missingTensor } } else { false }
    }

    // MARK: Several networks

    private func commonAncestor(_ nodes: [Int]) -> Int {
        var shared = tree.lineage(nodes[0])
        for node in nodes.dropFirst() {
            let line = tree.lineage(node)
            shared = Array(zip(shared, line).prefix { $0 == $1 }.map(\.0))
        }
        return shared.last ?? PathTree.root
    }

    /// The child of `base` that holds a node.
    private func branch(_ node: Int, below base: Int) -> Int {
        tree.lineage(node).dropFirst(tree[base].depth + 1).first ?? node
    }

    /// The keys below `base` that tell the networks apart.
    private func names(_ candidates: [NetworkCandidate], below base: Int) -> [String] {
        let keys = candidates.map { tree[branch($0.node, below: base)].key }
        return Set(keys).count == keys.count ? keys : candidates.map { tree.path($0.node, below: base) }
    }

    /// The networks of equal shapes of which some names speak of copies; nil where there are none.
    private func copies(_ candidates: [NetworkCandidate], _ names: [String]) -> [NetworkCandidate]? {
        let groups = Dictionary(grouping: candidates.indices) { candidates[$0].shapes }
        for group in groups.values.sorted(by: { $0[0] < $1[0] }) where group.count > 1 {
            let names = group.map { names[$0] }
            // Keys that differ in their numbers only are those of a batch.
            let areNumbered = Set(names.map { $0.filter { !$0.isNumber } }).count == 1
            guard
                !areNumbered
                    && (names.contains(where: Company.isCopyKey) || names.allSatisfy(Company.isWrapperKey))
            else { continue }
            return group.map { candidates[$0] }
        }
        return nil
    }

    /// The same without copies that are, bit for bit, an earlier network again, as the best and the last state of a short
    /// training are.
    private mutating func distinct(_ candidates: [NetworkCandidate]) -> [NetworkCandidate] {
        guard candidates.count > 1 else { return candidates }
        let base = commonAncestor(candidates.map(\.node))
        guard let copies = copies(candidates, names(candidates, below: base)) else { return candidates }
        let values = copies.map { $0.arrays.compactMap { tree[$0].tensor?.values.map(\.bitPattern) } }
        let again = Set(
            copies.indices.filter { index in values[..<index].contains(values[index]) }.map { copies[$0].node })
        duplicates.formUnion(again)
        return candidates.filter { !again.contains($0.node) }
    }

    private func several(_ candidates: [NetworkCandidate], _ kind: String) -> NetworkFault {
        let paths = candidates.prefix(8).map { NetworkMismatch.quoted(tree.path($0.node)) }
        let rest = candidates.count > 8 ? " and \(candidates.count - 8) more" : ""
        let first = candidates.first.map { tree.path($0.node) } ?? ""
        return NetworkFault(
            NetworkMismatch(
                .ambiguousNetwork, expected: "expected one network",
                received: "\(candidates.count) \(kind): \(paths.joined(separator: ", "))\(rest)"
                    + "; choose one by its path with the option member, such as member=\(first)"))
    }

    private func unknownMember(_ path: String) -> NetworkFault {
        let known = tree[PathTree.root].children.prefix(16).map { NetworkMismatch.quoted(tree[$0].key) }
        return NetworkFault(
            NetworkMismatch(
                .missingTensor, tensor: path, expected: "a member of the file, with dots between the keys of its path",
                reason: known.isEmpty ? nil : "the top level has \(known.joined(separator: ", "))",
                received: "nothing at this path"))
    }

    // MARK: Reading

    private mutating func append(
        _ candidate: NetworkCandidate, name: String?, branch: Int
    ) throws(NetworkFault) {
        let layout = layout(candidate)
        let (weights, isStack, misfit) = try read(candidate, layout?.layout ?? .pytorch)
        taken.formUnion(candidate.arrays)
        let collector = context(candidate, branch: branch)
        var context = collector.context
        context.layout = layout
        if case .layers(let chain) = candidate.kind { context.folded = chain.notes }
        if options.recordsPlacement {
            placed[entries.count] = PlacedCandidate(candidate: candidate, branch: branch, said: collector.nodes)
        }
        entries.append(
            NetworkSearch.Entry(
                name: name,
                result: .success(FoundNetwork(weights: weights, isStack: isStack, context: context, misfit: misfit))))
        networksLeft -= weights.count
        tensorsLeft -= weights.count * max(candidate.arrays.count, 1)
    }

    /// The layout of a flat vector; nil for arrays by layer, and where nothing tells the layers of the vector.
    private func layout(_ candidate: NetworkCandidate) -> FlatReading? {
        guard case .flat(let entry) = candidate.kind else { return nil }
        return finder.flatSpec.flatMap { FlatForm.layout(of: entry, spec: $0, said: options.layout) }
    }

    private mutating func append(failure: NetworkFault, name: String?) {
        entries.append(NetworkSearch.Entry(name: name, result: .failure(failure)))
        networksLeft -= 1
    }

    private func read(
        _ candidate: NetworkCandidate, _ layout: FlatLayout
    ) throws(NetworkFault) -> (weights: [Result<NetworkWeights, NetworkError>], isStack: Bool, misfit: NetworkError?) {
        let limit = min(max(networksLeft, 0), max(1, tensorsLeft / max(1, candidate.arrays.count)))
        do throws(NetworkError) {
            switch candidate.kind {
            case .flat(let entry):
                let isStack = entry.tensor.rank == 2
                let count = isStack ? entry.tensor.shape[0] : 1
                try NetworkReading.check(count, within: limit)
                let faults = StackFaults([entry], count: isStack ? count : 1)
                let networks = try FlatForm.networks(
                    from: faults.cleaned[0], spec: finder.flatSpec, layout: layout)
                return (try faults.results(networks, isStack), isStack, nil)
            case .layers(let chain):
                if let refusal = chain.refusal { throw refusal }
                var misfit: NetworkError?
                if let error = chain.misfit {
                    guard options.readsAnyFunction, isFunction(candidate) else { throw error }
                    misfit = error
                }
                let count = chain.form.batch?.count ?? 1
                try NetworkReading.check(count, within: limit)
                let faults = StackFaults(chain.leaves.map(\.entry), count: count)
                let networks = faults.isFinite ? chain.form.networks : try cleaned(chain, faults)
                let names = finalNames(candidate, chain)
                let results = try faults.results(networks.map { $0.renamed(names) }, chain.form.batch != nil)
                return (results, chain.form.batch != nil, misfit)
            }
        } catch {
            throw .network(error)
        }
    }

    /// The networks of a chain with 0 in the place of values that are not finite.
    private func cleaned(_ chain: ChainOfLayers, _ faults: StackFaults) throws(NetworkError) -> [NetworkWeights] {
        let form = LayeredForm(
            LayerPairing(faults.cleaned), expecting: chain.misfit == nil ? options.expectation : nil)
        guard form.mismatches.isEmpty else { throw NetworkError(form.mismatches) }
        return form.networks
    }

    /// The names that differ from those of the chain: below the container of its layers, without the prefixes that
    /// wrappers add to all of them.
    private func finalNames(_ candidate: NetworkCandidate, _ chain: ChainOfLayers) -> [String: String] {
        let container = tree.container(of: candidate.arrays)
        var names = chain.leaves.map { leaf in
            let name = chain.names[leaf.entry.name] ?? leaf.entry.name
            guard let node = leaf.nodes.first else { return name }
            // The name of a folded weight is none of the file's. The container's path before it has this length.
            let whole = leaf.nodes.count == 1 ? tree.path(node, below: container) : name
            return whole
        }
        // At most 4 prefixes, since a hostile file can repeat one many times.
        for _ in 0..<4 {
            guard
                let prefix = ["module.", "_orig_mod.", "model."].first(where: { prefix in
                    names.allSatisfy { $0.hasPrefix(prefix) && $0.utf8.count > prefix.utf8.count }
                })
            else { break }
            names = names.map { String($0.dropFirst(prefix.count)) }
        }
        var changed: [String: String] = [:]
        for (leaf, name) in zip(chain.leaves, names) where leaf.entry.name != name { changed[leaf.entry.name] = name }
        return changed
    }

    private func fault(_ node: Int) -> NetworkFault {
        if let fault = finder.fault(node) { return fault }
        return NetworkFault(
            NetworkMismatch(
                .missingTensor, expected: "expected the weights and biases of a network",
                received: "arrays that form no chain of layers"))
    }

    // MARK: Context and ignored members

    /// What the file says beside a network: first in its own dict, then in the dicts around it.
    /// - Parameter branch: the member beyond which there may be other networks; what lies in their members is not said
    ///   of this one.
    private func context(_ candidate: NetworkCandidate, branch: Int) -> ContextCollector {
        var collector = ContextCollector(tree, layers: Set(candidate.arrays)) { finder.isTrainingState($0) }
        var inner: Int?
        for node in tree.lineage(tree.container(of: candidate.arrays)).reversed() {
            let isOutside = tree[node].depth < tree[branch].depth
            for child in tree[node].children where child != inner {
                // Beside the branch, members with several arrays are other networks.
                if isOutside && finder.arrayCount(child) > 1 && tree[child].value == nil { continue }
                collector.add(child)
            }
            inner = node
        }
        return collector
    }

    private func ignoredPaths() -> [String] {
        var isKept = [Bool](repeating: false, count: tree.nodes.count)
        for node in taken {
            var current: Int? = node
            while let index = current, !isKept[index] {
                isKept[index] = true
                current = tree[index].parent
            }
        }
        var paths: [String] = []
        func visit(_ node: Int) {
            guard paths.count < 64 else { return }
            if isKept[node] {
                for child in tree[node].children { visit(child) }
            } else if tree[node].isContainer || tree[node].children.isEmpty {
                // Options of a document are read as such.
                if options.isDocument, tree[node].parent == PathTree.root, !tree[node].holdsArrays { return }
                paths.append(tree.path(node))
            } else {
                for child in tree[node].children { visit(child) }
            }
        }
        visit(PathTree.root)
        return paths
    }
}

extension PathTree.Node {
    /// Whether it may hold arrays, rather than a number, a text or an inert value.
    fileprivate var holdsArrays: Bool { value == nil || isArray }
}

extension NetworkWeights {
    fileprivate func renamed(_ names: [String: String]) -> NetworkWeights {
        guard !names.isEmpty else { return self }
        var result = self
        for index in result.layers.indices {
            let layer = layers[index]
            result.layers[index].weightName = names[layer.weightName] ?? layer.weightName
            result.layers[index].biasName = names[layer.biasName] ?? layer.biasName
        }
        return result
    }
}
