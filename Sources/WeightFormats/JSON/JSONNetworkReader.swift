/// Reads the members of JSON objects that may describe a network.
struct JSONNetworkReader {
    private let limits: FormatLimits
    /// The most numbers that the rest of the document may have in tensors.
    private var remainingNumbers: Int

    /// Members of these names with a single number are options or labels, not tensors.
    private static let reserved: Set<String> = [
        "model", "version", "top_k", "output", "strict", "timeout_ms", "convention", "omega0", "height", "width", "id",
        "parameters",
        "label", "class", "class_id", "target", "index", "epoch", "step", "seed",
    ]

    init(limits: FormatLimits) {
        self.limits = limits
        remainingNumbers = limits.maxElements
    }

    /// Reads one member's value into `network`.
    ///
    /// - Parameter isWrapped: whether the object is itself in a wrapper; wrappers within wrappers are skipped.
    /// - Throws: only errors after which the rest of the document cannot be read.
    mutating func readMember(
        _ name: String, _ scanner: inout JSONScanner, into network: inout JSONNetwork, isWrapped: Bool = false
    ) throws(FormatError) {
        let kind = try scanner.peek()
        let start = scanner.position
        switch kind {
        case .array where name == "weights" || name == "biases":
            network.lists[name] = JSONNetwork.List(start: start, items: try readList(name, &scanner))
        case .number where Self.reserved.contains(name):
            try skip(name, &scanner, into: &network)
        case .array, .number:
            guard network.tensors.count < limits.maxTensors else {
                throw FormatError(
                    .unexpectedTensor, "more than \(limits.maxTensors) tensors; \(quoted(name)) is one too many")
            }
            network.tensors.append(try readTensor(name, &scanner))
        case .object where !isWrapped && wrapperNames.contains(name):
            var inner = JSONNetwork()
            try readNetwork(&scanner, into: &inner, isWrapped: true)
            network.wrapped[name] = JSONNetwork.Wrapped(start: start, network: inner)
        case .object, .string, .boolean, .null:
            try skip(name, &scanner, into: &network)
        }
    }

    /// Skips the value of a member that is not a tensor.
    private func skip(
        _ name: String, _ scanner: inout JSONScanner, into network: inout JSONNetwork
    ) throws(FormatError) {
        network.others.append(JSONNetwork.Other(name: name, start: scanner.position))
        try scanner.skipValue()
    }

    /// Reads an object that is a network.
    mutating func readNetwork(
        _ scanner: inout JSONScanner, into network: inout JSONNetwork, isWrapped: Bool = false
    ) throws(FormatError) {
        var reader = self
        try scanner.readObject { name, scanner throws(FormatError) in
            try reader.readMember(name, &scanner, into: &network, isWrapped: isWrapped)
        }
        self = reader
    }

    private mutating func readList(
        _ name: String, _ scanner: inout JSONScanner
    ) throws(FormatError) -> [JSONNetwork.Entry] {
        var reader = self
        var items: [JSONNetwork.Entry] = []
        try scanner.readArray { index, scanner throws(FormatError) in
            guard index < reader.limits.maxTensors else {
                throw FormatError(
                    .unexpectedTensor, "\(quoted(name)) holds more than \(reader.limits.maxTensors) tensors")
            }
            items.append(try reader.readTensor("\(name).\(index)", &scanner))
        }
        self = reader
        return items
    }

    /// Reads an array of numbers. An error that leaves the syntax intact becomes the tensor's content, and the value is
    /// skipped.
    private mutating func readTensor(
        _ name: String, _ scanner: inout JSONScanner
    ) throws(FormatError) -> JSONNetwork.Entry {
        let start = scanner.position
        let depth = scanner.depth
        do throws(FormatError) {
            let array = try scanner.readNumberArray(maxRank: limits.maxRank, maxCount: remainingNumbers)
            remainingNumbers -= array.values.count
            return JSONNetwork.Entry(name: name, start: start, content: .success(array))
        } catch {
            guard error.isLocal else { throw error }
            scanner.rewind(to: start, depth: depth)
            try scanner.skipValue()
            return JSONNetwork.Entry(name: name, start: start, content: .failure(error))
        }
    }
}
