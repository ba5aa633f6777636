import Tensors

/// What a file of weights holds, whatever its format.
package struct WeightFile: Sendable {
    package let format: FileFormat
    /// The networks in file order: one, or a JSON batch of any number, each of which may have failed alone.
    package let networks: [Result<StateDict, FormatError>]
    /// Members of the JSON document that are not weights, such as `top_k` and `model`.
    package let options: [String: JSONValue]
    /// Members that are not tensors and were passed over: labels, optimizer states, text.
    package let ignored: [String]
    /// The member that the weights were in, such as `state_dict`; nil if they were at the top level.
    package let wrapper: String?
    /// Whether the document was written as a batch, even one of a single network.
    package let isBatch: Bool

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

    /// Reads a file of any of the formats, recognised by its content.
    ///
    /// A gzip file is inflated first, also without a `Content-Encoding` that says so. Prefixes that all names share
    /// because of how a model was wrapped are removed. Integer and boolean tensors become float32 if that is exact;
    /// those without axes are labels or counters and are ignored. Nothing in the file is ever run.
    ///
    /// - Throws: the fault of the file, or of its only network.
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

    /// The network of a file that holds exactly one.
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
