import Tensors

/// Reads weights from JSON: one network, or several in the member `inputs` or in a top-level array.
///
/// A network is `{"weights": [array, …], "biases": [array, …]}`, or an object of named arrays, or one of these in a
/// wrapper such as `state_dict`. Members of the top level that are not part of a network are options.
struct JSONWeightsReader {
    private let limits: FormatLimits
    private var reader: JSONNetworkReader
    private var ignored: [String] = []

    static func read(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> WeightFile {
        var reader = JSONWeightsReader(limits: limits)
        var scanner = JSONScanner(bytes, limits: limits)
        let kind = try scanner.peek()
        let file =
            kind == .array ? try reader.readBatch(&scanner) : try reader.readDocument(&scanner)
        try scanner.finish()
        return file
    }

    private init(limits: FormatLimits) {
        self.limits = limits
        reader = JSONNetworkReader(limits: limits)
    }

    private mutating func readBatch(_ scanner: inout JSONScanner) throws(FormatError) -> WeightFile {
        let networks = try readInputs(&scanner)
        return WeightFile(format: .json, networks: networks, ignored: ignored, isBatch: true)
    }

    private mutating func readDocument(_ scanner: inout JSONScanner) throws(FormatError) -> WeightFile {
        var network = JSONNetwork()
        var inputs: [Result<StateDict, FormatError>]?
        var current = self
        try scanner.readObject { name, scanner throws(FormatError) in
            if name == "inputs", try scanner.peek() == .array {
                inputs = try current.readInputs(&scanner)
            } else {
                try current.reader.readMember(name, &scanner, into: &network)
            }
        }
        self = current
        if let inputs {
            guard network.lists.isEmpty, network.wrapped.values.allSatisfy({ !$0.network.hasTensors }) else {
                throw FormatError(.malformed, "both 'inputs' and weights beside it; expected one of them")
            }
            let rest =
                network.others + network.tensors.map { JSONNetwork.Other(name: $0.name, start: $0.start) }
                + network.wrapped.map { JSONNetwork.Other(name: $0.key, start: $0.value.start) }
            return WeightFile(
                format: .json, networks: inputs, options: try readOptions(rest, scanner), ignored: ignored,
                isBatch: true)
        }
        var builder = StateDictBuilder(limits: limits)
        let (wrapper, leftovers) = try network.resolve(into: &builder)
        guard !builder.isEmpty else {
            let names = leftovers.prefix(8).map { quoted($0.name) }.joined(separator: ", ")
            throw FormatError(
                .malformed,
                "no weights: expected 'weights' and 'biases', named tensors or 'inputs'"
                    + (names.isEmpty ? "" : "; found \(names)"))
        }
        return WeightFile(
            format: .json, networks: [.success(try builder.finish().unwrapped)],
            options: try readOptions(leftovers, scanner), ignored: builder.ignored, wrapper: wrapper)
    }

    /// Reads the networks of a batch. An error in one does not affect the others.
    private mutating func readInputs(
        _ scanner: inout JSONScanner
    ) throws(FormatError) -> [Result<StateDict, FormatError>] {
        var current = self
        var networks: [Result<StateDict, FormatError>] = []
        var tensors = 0
        try scanner.readArray { index, scanner throws(FormatError) in
            guard index < current.limits.maxNetworks else {
                throw FormatError(.batchTooLarge, "more than \(current.limits.maxNetworks) networks")
            }
            let network = try current.readItem(index, &scanner)
            if case .success(let state) = network { tensors += state.count }
            guard tensors <= current.limits.maxBatchTensors else {
                throw FormatError(
                    .batchTooLarge, "more than \(current.limits.maxBatchTensors) tensors in the networks of a batch")
            }
            networks.append(network)
        }
        guard !networks.isEmpty else { throw FormatError(.malformed, "no networks in the array") }
        self = current
        return networks
    }

    private mutating func readItem(
        _ index: Int, _ scanner: inout JSONScanner
    ) throws(FormatError) -> Result<StateDict, FormatError> {
        let kind = try scanner.peek()
        guard kind == .object else {
            let start = scanner.position
            try scanner.skipValue()
            return .failure(
                FormatError(.malformed, "inputs[\(index)]: expected an object, found \(kind.phrase) at byte \(start)"))
        }
        var network = JSONNetwork()
        try reader.readNetwork(&scanner, into: &network)
        var builder = StateDictBuilder(limits: limits)
        do throws(FormatError) {
            let leftovers = try network.resolve(into: &builder).leftovers
            for other in leftovers { builder.ignore(other.name) }
            ignored += builder.ignored.map { "inputs[\(index)].\($0)" }
            return .success(try builder.finish().unwrapped)
        } catch {
            return .failure(error.within("inputs[\(index)]"))
        }
    }

    /// Reads members again as trees, once they are known to be options.
    private func readOptions(
        _ members: [JSONNetwork.Other], _ scanner: JSONScanner
    ) throws(FormatError) -> [String: JSONValue] {
        var options: [String: JSONValue] = [:]
        var remaining = limits.maxJSONValues
        for member in members {
            var scanner = scanner
            scanner.rewind(to: member.start, depth: 1)
            options[member.name] = try scanner.readValue(&remaining)
        }
        return options
    }
}
