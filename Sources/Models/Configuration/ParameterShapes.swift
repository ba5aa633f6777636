import NeuralFunctionals
import Tensors
import WeightFormats

/// The shapes of the parameters in a file, by their names: what they reveal of a model's settings.
struct ParameterShapes {
    private let shapes: [String: [Int]]
    private let prefix: String

    /// - Returns: nil for a reader that draws the parameters of a new model, which reveal nothing.
    init?(_ reader: ParameterReader) {
        guard !reader.isDrawing else { return nil }
        shapes = Dictionary(
            reader.dictionary.entries.map { ($0.name, $0.tensor.shape) }, uniquingKeysWith: { first, _ in first })
        prefix = ""
    }

    private init(_ shapes: [String: [Int]], prefix: String) {
        self.shapes = shapes
        self.prefix = prefix
    }

    /// Those whose names begin with `name.`, without it.
    func scope(_ name: String) -> ParameterShapes { ParameterShapes(shapes, prefix: "\(prefix)\(name).") }
    /// Those of module `index` of a `torch.nn.Sequential` or `ModuleList`.
    func scope(_ index: Int) -> ParameterShapes { scope(String(index)) }

    /// The shape of a parameter; nil where the file does not have it.
    subscript(name: String) -> [Int]? { shapes[prefix + name] }

    /// An extent of a parameter's shape; nil where there is no such parameter or axis.
    func extent(_ name: String, _ axis: Int) -> Int? {
        self[name].flatMap { $0.indices.contains(axis) ? $0[axis] : nil }
    }

    /// Whether there is a parameter in this scope.
    var isPresent: Bool { shapes.keys.contains { $0.hasPrefix(prefix) } }

    /// The numbers that names in this scope begin with, ascending.
    var indices: [Int] {
        var found: Set<Int> = []
        for name in shapes.keys where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count)
            if let index = Int(rest.prefix { $0 != "." }) { found.insert(index) }
        }
        return found.sorted()
    }
}

/// Members with values that a file reveals; those of which it reveals nothing are left out.
func members(_ values: (name: String, value: JSONValue?)...) -> [JSONMember] {
    values.compactMap { member in member.value.map { JSONMember(member.name, $0) } }
}

extension JSONValue {
    /// A whole number; nil for nil.
    static func count(_ value: Int?) -> JSONValue? { value.map { .number(Double($0)) } }

    /// An array of whole numbers; nil for nil.
    static func counts(_ values: [Int]?) -> JSONValue? { values.map { .array($0.map { .number(Double($0)) }) } }

    /// A text; nil for nil.
    static func text(_ value: String?) -> JSONValue? { value.map { .string($0) } }
}

/// An equivariant linear layer of a `torch.nn.Sequential`, as its parameters reveal it.
struct RevealedLinear {
    /// Its position.
    let position: Int
    let mode: LinearMode
    /// Output channels.
    let outputs: Int

    /// The linear layers of a chain, without pointwise ones, in order.
    static func all(_ chain: ParameterShapes) -> [RevealedLinear] {
        chain.indices.compactMap { position in
            let layer = chain.scope(position)
            guard let outputs = layer.extent("bias_0.weight", 0) else { return nil }
            let mode: LinearMode =
                layer["w0_rpt.weight"] != nil ? .hnp : layer["in_embed"] != nil ? .npPositional : .np
            return RevealedLinear(position: position, mode: mode, outputs: outputs)
        }
    }
}
