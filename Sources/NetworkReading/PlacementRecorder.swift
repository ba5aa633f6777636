import Networks
import Tensors
import WeightFormats

/// A network that was found, with the nodes from which its place in the file follows.
struct PlacedCandidate {
    let candidate: NetworkCandidate
    /// The member beyond which there may be other networks.
    let branch: Int
    /// The numbers, texts and arrays beside the layers from which the network's context was read, with their paths.
    let said: [(node: Int, path: String)]
}

/// Records where the networks of a file are, so that others can be written in their place.
struct PlacementRecorder {
    private let finder: NetworkFinder
    private let tree: PathTree
    private let options: NetworkSearchOptions
    /// The member that was searched. What lies outside of it may belong to networks that were not read.
    private let start: Int
    /// Members that are a network again, which is written once.
    private let duplicates: Set<Int>

    init(finder: NetworkFinder, start: Int, duplicates: Set<Int>) {
        self.finder = finder
        tree = finder.tree
        options = finder.options
        self.start = start
        self.duplicates = duplicates
    }

    /// Sets the placements of entries that are networks.
    /// - Parameter placed: by the entry's position.
    func record(_ placed: [Int: PlacedCandidate], isBatch: Bool, in entries: inout [NetworkSearch.Entry]) {
        guard !placed.isEmpty else { return }
        let (folded, dropped) = changes(placed)
        let whole = tree.rebuilt(folded: folded, dropped: dropped)
        let unreadable = unreadableArrays(dropped)
        let isAlone = entries.count == 1 && !isBatch
        for (index, network) in placed {
            guard case .success(var found) = entries[index].result, let inWhole = site(of: found, network, in: whole)
            else { continue }
            // The only network of a file takes the whole file with it. One of a stack takes its own arrays only: else
            // as many copies of what lies beside the stack would be written as the stack has networks.
            let alone: NetworkPlacement.Site?
            if found.isStack {
                let own = tree.rebuilt(
                    from: isAlone ? PathTree.root : network.branch, folded: folded, dropped: dropped,
                    kept: ownNodes(of: found, network))
                alone = site(of: found, network, in: own)
            } else if isAlone {
                alone = inWhole
            } else {
                let own = tree.rebuilt(from: network.branch, folded: folded, dropped: dropped)
                alone = site(of: found, network, in: own)
            }
            guard let alone else { continue }
            var replaced: [String] = []
            if case .layers(let chain) = network.candidate.kind {
                replaced = chain.leaves.filter { $0.nodes.count != 1 }.map(\.entry.name)
            }
            let lost = unreadable.filter { isAlone || tree.lineage($0.node).contains(network.branch) }
            found.placement = NetworkPlacement(
                whole: inWhole, alone: alone, replaced: replaced, unreadable: lost.map(\.path))
            entries[index].result = .success(found)
        }
    }

    /// The arrays that take the place of others, and the nodes that are left out: parts of reparametrised weights, a
    /// network's copies, and the request's options in a document.
    private func changes(_ placed: [Int: PlacedCandidate]) -> (folded: [Int: FoldedArray], dropped: Set<Int>) {
        var folded: [Int: FoldedArray] = [:]
        var dropped = duplicates
        for network in placed.values {
            guard case .layers(let chain) = network.candidate.kind else { continue }
            let container = tree.container(of: network.candidate.arrays)
            for leaf in chain.leaves where leaf.nodes.count != 1 {
                guard let first = leaf.nodes.first else { continue }
                let name = chain.names[leaf.entry.name] ?? leaf.entry.name
                folded[first] = FoldedArray(
                    key: tree.foldedKey(name, of: first, below: container), tensor: leaf.entry.tensor,
                    elementType: leaf.entry.elementType)
                dropped.formUnion(leaf.nodes.dropFirst())
            }
        }
        // An array that takes another's place is not left out as a part of a third.
        dropped.subtract(folded.keys)
        if options.isDocument {
            dropped.formUnion(
                tree[PathTree.root].children.filter { child in
                    finder.arrayCount(child) == 0 && options.requestOptions.contains(tree[child].key)
                        && !finder.isTrainingState(child)
                })
        }
        return (folded, dropped)
    }

    /// The arrays that cannot be read, at most 16, with their paths.
    private func unreadableArrays(_ dropped: Set<Int>) -> [(node: Int, path: String)] {
        tree.nodes.indices.lazy.filter { node in
            if case .unreadable = tree[node].value { !dropped.contains(node) } else { false }
        }.prefix(16).map { ($0, tree.path($0)) }
    }

    private func inputs(of found: FoundNetwork) -> Int {
        found.weights.lazy.compactMap { try? $0.get().spec.inputs }.first ?? 0
    }

    /// The nodes of a network's arrays, of the numbers and texts beside them and of its matrix of Fourier features, and
    /// the nodes around these.
    private func ownNodes(of found: FoundNetwork, _ network: PlacedCandidate) -> Set<Int> {
        var nodes = network.candidate.arrays
        if case .layers(let chain) = network.candidate.kind { nodes += chain.leaves.flatMap(\.nodes) }
        let matrix = found.context.fourierArray(inputs: inputs(of: found))?.name
        nodes += network.said.filter { tree[$0.node].isRemark || $0.path == matrix }.map(\.node)
        return nodes.reduce(into: []) { kept, node in kept.formUnion(tree.lineage(node)) }
    }

    /// Where the arrays of a network are in a rebuilt tree; nil where one is in none.
    private func site(
        of found: FoundNetwork, _ network: PlacedCandidate, in rebuilt: RebuiltTree
    ) -> NetworkPlacement.Site? {
        let form: NetworkPlacement.Form
        switch network.candidate.kind {
        case .flat:
            guard let place = network.candidate.arrays.first.flatMap({ rebuilt.places[$0] }) else { return nil }
            form = .flat(place, layout: found.context.layout?.layout ?? .pytorch)
        case .layers(let chain):
            var places: [String: [Int]] = [:]
            for leaf in chain.leaves { places[leaf.entry.name] = leaf.nodes.first.flatMap { rebuilt.places[$0] } }
            var layers: [(weight: [Int], bias: [Int])] = []
            for names in chain.form.names {
                guard let weight = places[names.weight], let bias = places[names.bias] else { return nil }
                layers.append((weight, bias))
            }
            form = .layers(layers, order: chain.form.order)
        }
        let inputs = inputs(of: found)
        let matrix = found.isStack ? nil : found.context.fourierArray(inputs: inputs)
        var remarks: [String: [Int]] = [:]
        var features: NetworkPlacement.MatrixPlace?
        for (node, path) in network.said {
            guard let place = rebuilt.places[node], start == PathTree.root || tree.lineage(node).contains(start)
            else { continue }
            if tree[node].isRemark {
                remarks[path] = place
            } else if let matrix, path == matrix.name, tree[node].tensor?.shape == matrix.tensor.shape {
                features = NetworkPlacement.MatrixPlace(
                    place: place, isTransposed: matrix.tensor.shape != [inputs / 2, 2])
            }
        }
        return NetworkPlacement.Site(
            tree: rebuilt.tree, form: form, isStack: found.isStack, features: features, remarks: remarks)
    }
}

extension PathTree.Node {
    /// Whether it is a number, a text or an array of one element, which may say something of the layers beside it.
    fileprivate var isRemark: Bool {
        switch value {
        case .number, .text: true
        case .array(let tensor, _): tensor.count == 1
        default: false
        }
    }
}
