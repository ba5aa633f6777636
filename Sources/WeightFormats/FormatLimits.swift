/// How much a file may ask for before it is refused. The defaults suit uploads from strangers.
package struct FormatLimits: Sendable, Equatable {
    /// Bytes of a file, before and after inflation, and of all its tensors together as float32.
    package var maxInflatedBytes = 16 << 20
    /// Tensors of one network.
    package var maxTensors = 256
    package var maxRank = 8
    /// Networks of one JSON document.
    package var maxNetworks = 1024
    /// Tensors of all its networks together: each takes some two hundred bytes, however few numbers it holds.
    package var maxBatchTensors = 65_536

    package var maxJSONDepth = 16
    /// Values of a JSON document that is held as `JSONValue`; arrays of numbers in tensors do not count.
    package var maxJSONValues = 65_536
    /// Bytes of the JSON header of a safetensors file.
    package var maxSafetensorsHeaderBytes = 1 << 20

    package var maxZipEntries = 1024
    /// Inflated bytes per compressed byte, for streams that inflate to more than `freeInflatedBytes`.
    package var maxInflationRatio = 200
    /// A stream below this size may have any ratio: a network of zeros compresses a thousandfold.
    package var freeInflatedBytes = 64 << 10
    /// Members of one gzip stream.
    package var maxGzipMembers = 64

    package var maxPickleBytes = 1 << 20
    package var maxPickleStack = 16_384
    package var maxPickleMemo = 65_536
    package var maxPickleStringBytes = 4096

    /// Whether a NaN or an infinity refuses the network.
    package var requiresFinite = true

    package init() {}

    /// For files of our own choosing, such as a model's parameters: large, but read by the same code.
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
        limits.maxPickleBytes = 64 << 20
        limits.maxPickleStack = 1 << 20
        limits.maxPickleMemo = 8 << 20
        limits.maxPickleStringBytes = 1 << 20
        limits.requiresFinite = false
        return limits
    }()

    /// Tensor elements that `maxInflatedBytes` has room for.
    var maxElements: Int { maxInflatedBytes / 4 }

    /// The most that `compressed` bytes may inflate to.
    func inflationCap(forCompressed compressed: Int) -> Int {
        let (allowed, overflow) = compressed.multipliedReportingOverflow(by: maxInflationRatio)
        return overflow ? maxInflatedBytes : min(maxInflatedBytes, max(freeInflatedBytes, allowed))
    }
}
