/// A tensor with its name in a file.
package struct NamedTensor: Sendable, Equatable {
    /// The name, such as `net.0.linear.weight`.
    package let name: String
    /// The shape and values.
    package let tensor: Tensor
    /// The element type in the file; values in memory are float32.
    package let elementType: ElementType

    /// - Parameter elementType: the type of the elements in the file, read or to be written.
    package init(name: String, tensor: Tensor, elementType: ElementType = .float32) {
        self.name = name
        self.tensor = tensor
        self.elementType = elementType
    }
}

/// Named tensors with unique names in file order, like PyTorch's `state_dict`: a network's weights or a model's
/// parameters.
package struct StateDict: Sendable, Equatable {
    /// The tensors in the order of the file.
    package private(set) var entries: [NamedTensor] = []
    /// Text beside the tensors: the `__metadata__` of a safetensors file.
    package var metadata: [String: String] = [:]
    private var positions: [String: Int] = [:]

    /// No tensors.
    package init() {}

    /// The entries in order. Of several with the same name the last is kept, at the position of the first.
    package init(_ entries: [NamedTensor]) {
        for entry in entries { set(entry) }
    }

    /// The number of tensors.
    package var count: Int { entries.count }
    /// The names of the tensors, in order.
    package var names: [String] { entries.map(\.name) }

    /// The tensor of that name; nil where there is none.
    package subscript(name: String) -> Tensor? {
        positions[name].map { entries[$0].tensor }
    }

    /// Whether there is a tensor of that name.
    package func contains(_ name: String) -> Bool { positions[name] != nil }

    /// Appends the entry, or replaces the entry of the same name, whose position it keeps.
    package mutating func set(_ entry: NamedTensor) {
        if let position = positions[entry.name] {
            entries[position] = entry
        } else {
            positions[entry.name] = entries.count
            entries.append(entry)
        }
    }

    /// The entries whose names begin with `prefix`, without the prefix, and all metadata.
    package func scoped(_ prefix: String) -> StateDict {
        var result = StateDict(
            entries.compactMap { entry in
                guard entry.name.hasPrefix(prefix) else { return nil }
                return NamedTensor(
                    name: String(entry.name.dropFirst(prefix.count)), tensor: entry.tensor,
                    elementType: entry.elementType)
            })
        result.metadata = metadata
        return result
    }
}
