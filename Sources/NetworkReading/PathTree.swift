import Tensors
import WeightFormats

/// A file's tree as nodes with paths. Keys are split at their dots and slashes, so that a flat state dict with names
/// like `net.0.weight` and nested dicts have the same form.
struct PathTree {
    struct Node {
        /// The last step of the path: a key, a part of a dotted key, or the index of an element.
        let key: String
        /// What stands before the key in a path.
        let separator: String
        /// Nil for the root.
        let parent: Int?
        let depth: Int
        /// Whether it is a dict or a list of the file, rather than a part of a dotted key.
        let isContainer: Bool
        let isList: Bool
        var children: [Int] = []
        /// Of a leaf: an array, a number, a text, a value without arrays, or what cannot be read.
        let value: FileTree?

        var tensor: Tensor? {
            if case .array(let tensor, _) = value { tensor } else { nil }
        }

        /// Whether it is an array with axes, one that cannot be read, or the only size of a weight under weight norm.
        var isArray: Bool {
            switch value {
            case .array(let tensor, _): tensor.rank > 0 || key == "weight_g" || key == "original0"
            case .unreadable: true
            default: false
            }
        }
    }

    private(set) var nodes: [Node] = []
    /// Whether the tree is a document in JSON, whose rectangular lists are arrays.
    private let isDocument: Bool
    /// Arrays of layers that such arrays may still be taken apart into.
    private var layersLeft: Int

    static let root = 0
    /// Limits the recursion. Readers allow less.
    private static let deepest = 128
    /// Parts of a key; what follows stays one part.
    private static let mostParts = 16

    /// - Parameter layerLimit: the most arrays that `weights` and `biases` of documents are taken apart into.
    /// - Throws: `malformed` for a tree nested more than 128 deep, and `batch_too_large` beyond the limit.
    init(_ tree: FileTree, isDocument: Bool, layerLimit: Int) throws(FormatError) {
        self.isDocument = isDocument
        layersLeft = layerLimit
        try add(tree, key: "", separator: "", parent: nil, level: 0)
    }

    subscript(index: Int) -> Node { nodes[index] }

    // MARK: Building

    @discardableResult
    private mutating func add(
        _ tree: FileTree, key: String, separator: String, parent: Int?, level: Int
    ) throws(FormatError) -> Int {
        guard level <= Self.deepest else {
            throw FormatError(.malformed, "dicts and lists are nested more than \(Self.deepest) deep")
        }
        switch tree {
        case .dict(let members):
            let node = append(key, separator, parent, isContainer: true)
            try add(members, to: node, level: level)
            return node
        case .list(let elements):
            let node = append(key, separator, parent, isContainer: true, isList: true)
            for (index, element) in elements.enumerated() {
                try add(element, key: String(index), separator: ".", parent: node, level: level + 1)
            }
            return node
        default:
            return append(key, separator, parent, value: tree)
        }
    }

    private mutating func add(
        _ members: [FileTree.Member], to node: Int, level: Int
    ) throws(FormatError) {
        let layers = try layerLists(members, at: node)
        var parts: [String: Int] = [:]
        for member in members {
            let pieces = Self.pieces(member.key)
            var parent = node
            var path = ""
            for piece in pieces.dropLast() {
                path += piece.separator + piece.key
                if let known = parts[path] {
                    parent = known
                } else {
                    parent = append(piece.key, piece.separator, parent)
                    parts[path] = parent
                }
            }
            let last = pieces[pieces.count - 1]
            let value = layers[member.key] ?? (isDocument ? Self.unreadableNumbers(member) : nil) ?? member.value
            try add(value, key: last.key, separator: last.separator, parent: parent, level: level + 1)
        }
    }

    private mutating func append(
        _ key: String, _ separator: String, _ parent: Int?, isContainer: Bool = false, isList: Bool = false,
        value: FileTree? = nil
    ) -> Int {
        let index = nodes.count
        let depth = parent.map { nodes[$0].depth + 1 } ?? 0
        nodes.append(
            Node(
                key: key, separator: separator, parent: parent, depth: depth, isContainer: isContainer,
                isList: isList, value: value))
        if let parent { nodes[parent].children.append(index) }
        return index
    }

    /// The parts of a key between dots and slashes, each with the separator before it.
    private static func pieces(_ key: String) -> [(separator: String, key: String)] {
        var pieces: [(separator: String, key: String)] = []
        var separator = "."
        var start = key.utf8.startIndex
        var index = start
        while index < key.utf8.endIndex, pieces.count < mostParts - 1 {
            let byte = key.utf8[index]
            if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") {
                pieces.append((separator, String(key[start..<index])))
                separator = byte == UInt8(ascii: ".") ? "." : "/"
                start = key.utf8.index(after: index)
            }
            index = key.utf8.index(after: index)
        }
        pieces.append((separator, String(key[start...])))
        return pieces
    }

    /// `weights` and `biases` as lists of arrays, one for each layer, where one of them is such a list and the other an
    /// array, as layers of equal width make it; in JSON also where both are arrays.
    private mutating func layerLists(
        _ members: [FileTree.Member], at node: Int
    ) throws(FormatError) -> [String: FileTree] {
        guard let weights = members.first(where: { $0.key == "weights" })?.value,
            let biases = members.first(where: { $0.key == "biases" })?.value
        else { return [:] }
        switch (weights, biases) {
        case (.list(let lists), .array(let tensor, _)) where lists.count == tensor.shape.first && tensor.rank > 1:
            return ["biases": try unstacked(tensor, node)]
        case (.array(let tensor, _), .list(let lists)) where lists.count == tensor.shape.first && tensor.rank > 1:
            return ["weights": try unstacked(tensor, node)]
        case (.array(let first, _), .array(let second, _))
        where isDocument && first.rank > 1 && second.rank > 1 && first.shape[0] == second.shape[0]:
            return ["weights": try unstacked(first, node), "biases": try unstacked(second, node)]
        default: return [:]
        }
    }

    private mutating func unstacked(_ tensor: Tensor, _ node: Int) throws(FormatError) -> FileTree {
        layersLeft -= tensor.shape[0]
        guard layersLeft >= 0 else {
            throw FormatError(.batchTooLarge, "more arrays of layers than the limit at \(quoted(path(node)))")
        }
        return .list((0..<tensor.shape[0]).map { .array(tensor.slice($0), .float32) })
    }

    /// A weight or a bias of a document that is no array of numbers: a list of rows of several lengths, or with text.
    private static func unreadableNumbers(_ member: FileTree.Member) -> FileTree? {
        guard case .list(let rows) = member.value, !rows.isEmpty else { return nil }
        let name = ParameterName(member.key)
        guard let role = name.role, !name.isPlural else { return nil }
        func fault(_ code: FormatError.Code, _ detail: String) -> FileTree {
            .unreadable(FormatError(code, "tensor \(quoted(member.key)): \(detail)"))
        }
        if holdsText(rows, depth: 0) { return fault(.dtype, "text among numbers, expected an array of numbers") }
        let areRows = rows.allSatisfy { row in
            if case .array(let tensor, _) = row { tensor.rank == 1 } else { false }
        }
        guard role == .weight, areRows else { return nil }
        return fault(.shapeMismatch, "rows of several lengths, expected a rectangular array")
    }

    private static func holdsText(_ rows: [FileTree], depth: Int) -> Bool {
        rows.contains { row in
            switch row {
            case .text: true
            case .list(let elements): depth < 8 && holdsText(elements, depth: depth + 1)
            default: false
            }
        }
    }

    // MARK: Paths

    /// The path of a node below another, such as `net.0.weight`; empty for the node itself.
    func path(_ index: Int, below ancestor: Int = root) -> String {
        var steps: [Int] = []
        var current = index
        while current != ancestor, let parent = nodes[current].parent {
            steps.append(current)
            current = parent
        }
        var path = ""
        for step in steps.reversed() {
            if !path.isEmpty { path += nodes[step].separator }
            path += nodes[step].key
        }
        return path
    }

    /// The nodes from the root to that one.
    func lineage(_ index: Int) -> [Int] {
        var line = [index]
        var current = index
        while let parent = nodes[current].parent {
            line.append(parent)
            current = parent
        }
        return line.reversed()
    }

    /// The deepest dict or list of the file that holds all of these nodes.
    func container(of indices: [Int]) -> Int {
        guard let first = indices.first else { return Self.root }
        var shared = lineage(first).dropLast()
        for index in indices.dropFirst() {
            let line = lineage(index).dropLast()
            var length = min(shared.count, line.count)
            while length > 0, shared[length - 1] != line[length - 1] { length -= 1 }
            shared = shared.prefix(length)
        }
        return shared.last { nodes[$0].isContainer } ?? Self.root
    }

    /// The node at a path with dots between the steps; nil without one. Keys may hold dots themselves.
    func node(at path: String) -> Int? {
        let steps = path.split(whereSeparator: { $0 == "." || $0 == "/" }).map(String.init)
        guard !steps.isEmpty, steps.count <= Self.deepest else { return nil }
        var found = [Self.root]
        for step in steps {
            // Several nodes can have the same path, as those of `{"a.b": …, "a": {"b": …}}`.
            found = found.prefix(16).flatMap { nodes[$0].children.filter { nodes[$0].key == step } }
        }
        return found.first
    }
}
