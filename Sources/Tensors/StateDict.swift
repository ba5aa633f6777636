/// A tensor under the name its file gives it.
package struct NamedTensor: Sendable, Equatable {
    package let name: String
    package let tensor: Tensor
    /// How the file stored it, before conversion to float32.
    package let elementType: ElementType

    package init(name: String, tensor: Tensor, elementType: ElementType = .float32) {
        self.name = name
        self.tensor = tensor
        self.elementType = elementType
    }
}

/// Named tensors in file order: a network's weights or a model's parameters, as PyTorch's `state_dict`.
package struct StateDict: Sendable, Equatable {
    package private(set) var entries: [NamedTensor] = []
    /// Free text that the file carries beside the tensors (safetensors `__metadata__`).
    package var metadata: [String: String] = [:]
    private var positions: [String: Int] = [:]

    package init() {}

    package init(_ entries: [NamedTensor]) {
        for entry in entries { set(entry) }
    }

    package var count: Int { entries.count }
    package var names: [String] { entries.map(\.name) }

    package subscript(name: String) -> Tensor? {
        positions[name].map { entries[$0].tensor }
    }

    package func contains(_ name: String) -> Bool { positions[name] != nil }

    /// Appends the entry, or replaces the one of the same name in its place.
    package mutating func set(_ entry: NamedTensor) {
        if let position = positions[entry.name] {
            entries[position] = entry
        } else {
            positions[entry.name] = entries.count
            entries.append(entry)
        }
    }

    /// The entries under `prefix`, with the prefix removed from their names.
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
