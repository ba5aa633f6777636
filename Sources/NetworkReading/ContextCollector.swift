import Networks
import Tensors
import WeightFormats

/// Gathers what a file says beside a network: numbers, texts and arrays, within bounds.
struct ContextCollector {
    private(set) var context = NetworkContext()
    /// The nodes that the context was read from, with their paths.
    private(set) var nodes: [(node: Int, path: String)] = []
    private let tree: PathTree
    private let layers: Set<Int>
    private let isTrainingState: (Int) -> Bool
    /// Nodes that may still be looked at.
    private var budget = 8192

    init(_ tree: PathTree, layers: Set<Int>, isTrainingState: @escaping (Int) -> Bool) {
        self.tree = tree
        self.layers = layers
        self.isTrainingState = isTrainingState
    }

    mutating func add(_ node: Int) {
        guard budget > 0, !layers.contains(node), !isTrainingState(node) else { return }
        budget -= 1
        switch tree[node].value {
        case .number(let value): add(value, node)
        case .text(let text):
            if let document = Self.document(text) {
                add(document, at: tree.path(node))
            } else if text.utf8.count <= 128, context.texts.count < 64 {
                context.texts.append(NetworkContext.Text(path: note(node), value: text))
            }
        case .array(let tensor, let type):
            if tensor.count == 1 {
                add(Double(tensor.values[0]), node)
            } else if tensor.rank > 0, tensor.count <= 65_536, context.arrays.count < 32 {
                context.arrays.append(NamedTensor(name: note(node), tensor: tensor, elementType: type))
            }
        case .unreadable, .inert: break
        case .dict, .list, nil:
            for child in tree[node].children { add(child) }
        }
    }

    private mutating func add(_ value: Double, _ node: Int) {
        guard context.scalars.count < 256, value.isFinite else { return }
        context.scalars.append(NetworkContext.Scalar(path: note(node), value: value))
    }

    /// The object or array of JSON that a text is, as configurations are in headers of safetensors; nil for other texts.
    private static func document(_ text: String) -> JSONValue? {
        guard let first = text.first(where: { !$0.isWhitespace }), first == "{" || first == "[",
            text.utf8.count <= 1 << 16
        else { return nil }
        return try? JSONValue.parse(Array(text.utf8))
    }

    /// Adds what a document in a text says, under its members' paths below the text's. Its parts are no nodes of the tree.
    private mutating func add(_ value: JSONValue, at path: String) {
        guard budget > 0 else { return }
        budget -= 1
        switch value {
        case .number(let number):
            guard context.scalars.count < 256 else { return }
            context.scalars.append(NetworkContext.Scalar(path: path, value: number))
        case .string(let text):
            guard text.utf8.count <= 128, context.texts.count < 64 else { return }
            context.texts.append(NetworkContext.Text(path: path, value: text))
        case .array(let elements):
            let numbers = elements.compactMap(\.double)
            if elements.count > 1, numbers.count == elements.count {
                guard numbers.count <= 65_536, context.arrays.count < 32 else { return }
                let tensor = Tensor(shape: [numbers.count], values: numbers.map { Float($0) })
                context.arrays.append(NamedTensor(name: path, tensor: tensor, elementType: .float32))
            } else {
                for (index, element) in elements.enumerated() {
                    add(element, at: elements.count == 1 ? path : "\(path).\(index)")
                }
            }
        case .object(let members):
            for member in members { add(member.value, at: "\(path).\(member.name)") }
        case .null, .bool: break
        }
    }

    /// The path of a node, which is kept with it.
    private mutating func note(_ node: Int) -> String {
        let path = tree.path(node)
        nodes.append((node, path))
        return path
    }
}
