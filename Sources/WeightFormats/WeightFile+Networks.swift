import Tensors

/// The networks of a tree by the names of their wrappers.
extension WeightFile {
    /// Members in which checkpoints keep the weights, in the order in which they are tried.
    private static let wrapperNames = ["state_dict", "model_state_dict", "model", "nfnet", "weights"]
    /// Members of these names with a single number are options or labels, not tensors.
    private static let reserved: Set<String> = [
        "model", "version", "top_k", "output", "strict", "timeout_ms", "convention", "omega0", "height", "width", "id",
        "parameters",
        "label", "class", "class_id", "target", "index", "epoch", "step", "seed",
    ]

    /// The networks in file order: one, or several of a JSON batch. A network of a batch can fail while others are
    /// read.
    package var networks: [Result<StateDict, FormatError>] {
        if let inputs {
            return inputs.enumerated().map { index, item in Self.network(item, "inputs[\(index)]: ", metadata) }
        }
        return [Self.network(tree, "", metadata)]
    }

    /// Members of a JSON document that are not weights, such as `top_k` and `model`.
    package var options: [String: JSONValue] {
        guard format == .json, case .dict(let members) = tree else { return [:] }
        let (wrapper, parts) = inputs == nil ? Self.parts(tree) : (nil, [])
        var options: [String: JSONValue] = [:]
        for member in members where member.key != wrapper && !(inputs != nil && member.key == "inputs") {
            if wrapper == nil, parts.contains(where: { $0.name == member.key || $0.name.hasPrefix(member.key + ".") }) {
                continue
            }
            options[member.key] = member.value.json
        }
        return options
    }

    /// Names of members that are not tensors, such as labels, optimizer states and text.
    package var ignored: [String] { [] }

    /// The member that contains the weights, such as `state_dict`; nil if they are at the top level.
    package var wrapper: String? { inputs == nil ? Self.parts(tree).wrapper : nil }

    /// Whether the document has the form of a batch, even of one network.
    package var isBatch: Bool { inputs != nil }

    /// The network of a file that contains exactly one.
    /// - Throws: `malformed` for another number, or the network's error.
    package func soleNetwork() throws(FormatError) -> StateDict {
        guard networks.count == 1 else {
            throw FormatError(.malformed, "\(networks.count) networks, expected one")
        }
        return try networks[0].get()
    }

    private var inputs: [FileTree]? {
        guard format == .json else { return nil }
        if case .list(let items) = tree { return items }
        if case .dict(let members) = tree, case .list(let items) = members.first(where: { $0.key == "inputs" })?.value {
            return items
        }
        return nil
    }

    private static func network(
        _ tree: FileTree, _ subject: String, _ metadata: [String: String]
    ) -> Result<StateDict, FormatError> {
        var entries: [NamedTensor] = []
        for (name, value) in parts(tree).parts {
            switch value {
            case .array(let tensor, let type):
                entries.append(NamedTensor(name: name, tensor: tensor, elementType: type))
            case .unreadable(let error):
                return .failure(subject.isEmpty ? error : FormatError(error.code, subject + error.detail))
            default: break
            }
        }
        if case .array(let tensor, let type) = tree {
            entries.append(NamedTensor(name: "arr_0", tensor: tensor, elementType: type))
        }
        if case .unreadable(let error) = tree { return .failure(error) }
        guard !entries.isEmpty else { return .failure(FormatError(.malformed, "\(subject)no tensors")) }
        var state = StateDict(entries)
        state.metadata = metadata
        return .success(state.unwrapped)
    }

    private static func parts(_ tree: FileTree) -> (wrapper: String?, parts: [(name: String, value: FileTree)]) {
        guard case .dict(let members) = tree else { return (nil, []) }
        for name in wrapperNames {
            guard let inner = members.first(where: { $0.key == name })?.value, case .dict = inner else { continue }
            let found = parts(inner).parts
            if !found.isEmpty { return (name, found) }
        }
        func isArray(_ value: FileTree) -> Bool {
            switch value {
            case .array(let tensor, let type): tensor.rank > 0 || type.isFloatingPoint
            case .unreadable: true
            default: false
            }
        }
        func elements(_ name: String) -> [(name: String, value: FileTree)]? {
            switch members.first(where: { $0.key == name })?.value {
            case .list(let items) where !items.isEmpty && items.allSatisfy(isArray):
                items.enumerated().map { ("\(name).\($0)", $1) }
            case .array(let tensor, let type) where tensor.rank > 1:
                (0..<tensor.shape[0]).map { index in
                    let size = tensor.count / tensor.shape[0]
                    let values = Array(tensor.values[index * size..<(index + 1) * size])
                    return (
                        "\(name).\(index)", .array(Tensor(shape: Array(tensor.shape.dropFirst()), values: values), type)
                    )
                }
            default: nil
            }
        }
        let lists = (elements("weights"), elements("biases"))
        if lists.0 != nil || lists.1 != nil {
            let (weights, biases) = (lists.0 ?? [], lists.1 ?? [])
            var found: [(name: String, value: FileTree)] = []
            for index in 0..<max(weights.count, biases.count) {
                if index < weights.count { found.append(weights[index]) }
                if index < biases.count { found.append(biases[index]) }
            }
            return (nil, found)
        }
        var found: [(name: String, value: FileTree)] = []
        for member in members {
            if case .number(let value) = member.value, !reserved.contains(member.key) {
                found.append((member.key, .array(Tensor(shape: [], values: [Float(value)]), .float32)))
            } else if isArray(member.value) {
                found.append((member.key, member.value))
            } else if case .list(let items) = member.value, !items.isEmpty, items.allSatisfy(isArray) {
                found += items.enumerated().map { ("\(member.key).\($0)", $1) }
            }
        }
        return (nil, found)
    }
}

extension FileTree {
    /// A JSON document's value, for options.
    var json: JSONValue {
        switch self {
        case .array(let tensor, _): Self.json(tensor.values[...], tensor.shape[...])
        case .unreadable(let error): .string(error.detail)
        case .number(let value): .number(value)
        case .text(let text): .string(text)
        case .dict(let members): .object(members.map { JSONMember($0.key, $0.value.json) })
        case .list(let elements): .array(elements.map(\.json))
        case .inert("true"): .bool(true)
        case .inert("false"): .bool(false)
        case .inert: .null
        }
    }

    private static func json(_ values: ArraySlice<Float>, _ shape: ArraySlice<Int>) -> JSONValue {
        guard let extent = shape.first else { return .number(Double(values.first ?? 0)) }
        let size = values.count / max(extent, 1)
        return .array(
            (0..<extent).map {
                json(values[values.startIndex + $0 * size..<values.startIndex + ($0 + 1) * size], shape.dropFirst())
            })
    }
}
