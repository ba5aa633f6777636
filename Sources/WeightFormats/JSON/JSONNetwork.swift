import Tensors

/// The members of one JSON object that may be a network, by kind. Which of them are weights and which are options is
/// decided in `resolve`, when all have been read.
struct JSONNetwork {
    /// A named array of numbers, or the error in reading it.
    struct Entry {
        let name: String
        /// The position of the value, to read it again as an option.
        let start: Int
        let content: Result<NumberArray, FormatError>
    }

    /// A member that is not a tensor; its value was skipped.
    struct Other {
        let name: String
        let start: Int
    }

    /// The `weights` or `biases` array of arrays.
    struct List {
        let start: Int
        let items: [Entry]
    }

    /// The object of a member in which checkpoints keep the weights (`wrapperNames`).
    struct Wrapped {
        let start: Int
        let network: JSONNetwork
    }

    var tensors: [Entry] = []
    var lists: [String: List] = [:]
    var wrapped: [String: Wrapped] = [:]
    var others: [Other] = []

    var hasTensors: Bool { !tensors.isEmpty || !lists.isEmpty }

    /// Builds the network from the first wrapper with tensors, else from the lists, else from the named tensors.
    ///
    /// - Returns: the wrapper's name, and the members that are not weights, in the order of the text.
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
