import Tensors

/// The members of one JSON object, sorted by what they may be; what they are is known only once all are read.
struct JSONNetwork {
    /// A named array of numbers, or the reason why it is none.
    struct Entry {
        let name: String
        /// Where its value starts, to read it again as an option.
        let start: Int
        let content: Result<NumberArray, FormatError>
    }

    /// A member that is no tensor, left unread.
    struct Other {
        let name: String
        let start: Int
    }

    /// The `weights` or `biases` array of arrays.
    struct List {
        let start: Int
        let items: [Entry]
    }

    /// An object under a name that checkpoints use for the weights.
    struct Wrapped {
        let start: Int
        let network: JSONNetwork
    }

    var tensors: [Entry] = []
    var lists: [String: List] = [:]
    var wrapped: [String: Wrapped] = [:]
    var others: [Other] = []

    var hasTensors: Bool { !tensors.isEmpty || !lists.isEmpty }

    /// Builds the network: from the first wrapper that holds tensors, else from the lists, else from the named tensors.
    ///
    /// - Returns: its wrapper and the members that are not part of it.
    func resolve(
        into builder: inout StateDictBuilder
    ) throws(FormatError) -> (wrapper: String?, leftovers: [Other]) {
        var leftovers = others
        let wrapper = wrapperNames.first { wrapped[$0]?.network.hasTensors == true }
        for (name, item) in wrapped where name != wrapper { leftovers.append(Other(name: name, start: item.start)) }
        if let wrapper, let inner = wrapped[wrapper]?.network {
            leftovers += tensors.map { Other(name: $0.name, start: $0.start) }
            leftovers += lists.map { Other(name: $0.key, start: $0.value.start) }
            for other in try inner.resolve(into: &builder).leftovers { builder.ignore("\(wrapper).\(other.name)") }
            return (wrapper, leftovers.sorted { $0.start < $1.start })
        }
        if lists.isEmpty {
            for tensor in tensors { try add(tensor, to: &builder) }
        } else {
            leftovers += tensors.map { Other(name: $0.name, start: $0.start) }
            let weights = lists["weights"]?.items ?? []
            let biases = lists["biases"]?.items ?? []
            for index in 0..<max(weights.count, biases.count) {
                if index < weights.count { try add(weights[index], to: &builder) }
                if index < biases.count { try add(biases[index], to: &builder) }
            }
        }
        return (nil, leftovers.sorted { $0.start < $1.start })
    }

    private func add(_ tensor: Entry, to builder: inout StateDictBuilder) throws(FormatError) {
        switch tensor.content {
        case .failure(let error): throw error.within("tensor \(quoted(tensor.name))")
        case .success(let array):
            try builder.reserve(tensor.name, shape: array.shape)
            try builder.add(tensor.name, shape: array.shape, values: array.values, type: .float32)
        }
    }
}
