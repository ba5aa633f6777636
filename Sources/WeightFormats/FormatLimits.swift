/// The limits beyond which a file is refused. The defaults are for uploads from untrusted clients.
package struct FormatLimits: Sendable, Equatable {
    /// Bytes of a file, before and after inflation, and of all its tensors together as float32.
    package var maxInflatedBytes = 16 << 20
    /// Tensors of one network.
    package var maxTensors = 256
    /// Axes of a tensor.
    package var maxRank = 8
    /// Arrays of a file, each of which takes about 200 bytes besides its elements.
    package var maxBatchTensors = 65_536

    /// Bytes of a key of a dict: paths repeat the keys around every array.
    package var maxKeyBytes = 1024

    /// Nesting of JSON arrays and objects.
    package var maxJSONDepth = 16
    /// Values of a JSON document that are held as `JSONValue`; numbers of tensors do not count.
    package var maxJSONValues = 65_536
    /// Bytes of the JSON header of a safetensors file.
    package var maxSafetensorsHeaderBytes = 1 << 20

    /// Entries of a zip archive.
    package var maxZipEntries = 1024
    /// Inflated bytes for each compressed byte, for streams that inflate to more than `freeInflatedBytes`.
    package var maxInflationRatio = 200
    /// Streams that inflate to at most this may have any ratio, since a small network of zeros has one near 1000.
    package var freeInflatedBytes = 64 << 10
    /// Members of one gzip stream.
    package var maxGzipMembers = 64

    /// Opcodes of a pickle, each of which makes at most one value.
    package var maxPickleOpcodes = 1 << 20
    /// Values, and marks, on the stack of a pickle.
    package var maxPickleStack = 16_384
    /// Values in the memo of a pickle.
    package var maxPickleMemo = 1 << 18
    /// Bytes of a text of a pickle; a longer one is passed over.
    package var maxPickleStringBytes = 4096

    /// Values in a file's tree; the elements of an array count as one.
    package var maxTreeValues = 1 << 17
    /// Nesting of dicts and lists in a file's tree.
    package var maxTreeDepth = 64

    /// Whether a network with an infinity or NaN is refused.
    package var requiresFinite = true

    package init() {}

    /// Limits for trusted files, such as a model's parameters: large, and any floats are accepted.
    package static let checkpoint: FormatLimits = {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 1 << 30
        limits.maxTensors = 65_536
        limits.maxBatchTensors = 1 << 20
        limits.maxJSONDepth = 64
        limits.maxJSONValues = 4 << 20
        limits.maxSafetensorsHeaderBytes = 64 << 20
        limits.maxZipEntries = 262_144
        limits.maxInflationRatio = 1100
        limits.maxPickleOpcodes = 64 << 20
        limits.maxPickleStack = 1 << 20
        limits.maxPickleMemo = 8 << 20
        limits.maxPickleStringBytes = 1 << 20
        limits.maxTreeValues = 8 << 20
        limits.requiresFinite = false
        return limits
    }()

    /// The most tensor elements, which take 4 bytes each of `maxInflatedBytes`.
    var maxElements: Int { maxInflatedBytes / 4 }

    /// The most bytes to which `compressed` bytes may inflate.
    func inflationCap(forCompressed compressed: Int) -> Int {
        let (allowed, overflow) = compressed.multipliedReportingOverflow(by: maxInflationRatio)
        return overflow ? maxInflatedBytes : min(maxInflatedBytes, max(freeInflatedBytes, allowed))
    }
}
