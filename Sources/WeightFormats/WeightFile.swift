import Tensors

/// The content of a file of weights of any format.
package struct WeightFile: Sendable {
    package let format: FileFormat
    /// The networks in file order: one, or several of a JSON batch. A network of a batch can fail while others are
    /// read.
    package let networks: [Result<StateDict, FormatError>]
    /// Members of the JSON document that are not weights, such as `top_k` and `model`.
    package let options: [String: JSONValue]
    /// Names of members that are not tensors, such as labels, optimizer states and text.
    package let ignored: [String]
    /// The member that contains the weights, such as `state_dict`; nil if they are at the top level.
    package let wrapper: String?
    /// Whether the document has the form of a batch, even of one network.
    package let isBatch: Bool

    /// What the file holds, as its library nested it.
    package var tree: FileTree {
        let networks = networks.map { network -> FileTree in
            switch network {
            case .failure(let error): .unreadable(error)
            case .success(let state):
                .dict(
                    state.entries.map { FileTree.Member(key: $0.name, value: .array($0.tensor, $0.elementType)) })
            }
        }
        return networks.count == 1 && !isBatch ? networks[0] : .list(networks)
    }
    /// The `__metadata__` of a safetensors file; empty for other formats.
    package var metadata: [String: String] { (try? soleNetwork().metadata) ?? [:] }

    init(
        format: FileFormat, networks: [Result<StateDict, FormatError>], options: [String: JSONValue] = [:],
        ignored: [String] = [], wrapper: String? = nil, isBatch: Bool = false
    ) {
        self.format = format
        self.networks = networks
        self.options = options
        self.ignored = ignored
        self.wrapper = wrapper
        self.isBatch = isBatch
    }

    /// Reads a file of any format, which is recognised by the content. No code in the file is executed.
    ///
    /// A gzip file is inflated first. The prefixes that `StateDict.unwrapped` names are removed. Integer and boolean
    /// tensors become float32 where that is exact; integer scalars are labels or counters and are ignored.
    ///
    /// - Throws: the error of the file, or of its only network.
    package static func read(
        _ bytes: [UInt8], limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> WeightFile {
        guard bytes.count <= limits.maxInflatedBytes else {
            throw FormatError(
                .inflatedTooLarge, "a file of \(bytes.count) bytes, expected at most \(limits.maxInflatedBytes)")
        }
        if bytes.starts(with: [0x1f, 0x8b]) {
            return try readPlain(try CompressedStream.gzip.decode(bytes, limits: limits), limits: limits)
        }
        return try readPlain(bytes, limits: limits)
    }

    /// The network of a file that contains exactly one.
    /// - Throws: `malformed` for another number, or the network's error.
    package func soleNetwork() throws(FormatError) -> StateDict {
        guard networks.count == 1 else {
            throw FormatError(.malformed, "\(networks.count) networks, expected one")
        }
        return try networks[0].get()
    }

    private static func readPlain(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> WeightFile {
        if bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) {
            let archive = try ZipArchive(bytes, limits: limits)
            return try FileFormat.detect(archive) == .torch
                ? try TorchReader.read(archive, limits: limits) : try NPZReader.read(archive, limits: limits)
        }
        switch try FileFormat.detect(bytes, limits: limits) {
        case .safetensors: return try SafetensorsReader.read(bytes, limits: limits)
        case .npy: return try NPYReader.read(bytes, limits: limits)
        case .json: return try JSONWeightsReader.read(bytes, limits: limits)
        case .npz: return try NPZReader.read(try ZipArchive(bytes, limits: limits), limits: limits)
        case .torch: return try TorchReader.read(try ZipArchive(bytes, limits: limits), limits: limits)
        }
    }
}
