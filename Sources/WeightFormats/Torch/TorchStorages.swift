import Tensors

/// The storages of a PyTorch archive. Each is decoded once, since tensors can share it.
struct TorchStorages {
    private let archive: ZipArchive
    private let prefix: String
    private let isBigEndian: Bool
    private var decoded: [String: (type: ElementType, values: [Float])] = [:]
    /// The most elements that further storages may have.
    private var remaining: Int

    init(_ archive: ZipArchive, prefix: String, limits: FormatLimits) throws(FormatError) {
        self.archive = archive
        self.prefix = prefix
        remaining = limits.maxElements
        guard let entry = archive.entry(prefix + "byteorder") else {
            isBigEndian = false
            return
        }
        let order = String(decoding: try archive.read(entry).prefix(8), as: UTF8.self)
        guard order == "little" || order == "big" else {
            throw FormatError(.malformed, "byteorder is \(quoted(order)), expected 'little' or 'big'")
        }
        isBigEndian = order == "big"
    }

    /// The elements of a storage.
    /// - Throws: `malformed` where its size differs from what the pickle says, `inflated_too_large` beyond the limit.
    mutating func values(of storage: PickleStorage) throws(FormatError) -> [Float] {
        if let known = decoded[storage.key], known.type == storage.type, known.values.count == storage.count {
            return known.values
        }
        guard let entry = archive.entry("\(prefix)data/\(storage.key)") else {
            throw FormatError(.malformed, "no entry 'data/\(quoted(storage.key))' in the archive")
        }
        let (size, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.byteCount)
        guard !overflow, size == entry.size else {
            throw FormatError(
                .malformed,
                "storage \(quoted(storage.key)) holds \(entry.size) bytes, "
                    + "expected \(storage.count) elements of \(storage.type.rawValue)"
            )
        }
        guard storage.count <= remaining else {
            throw FormatError(.inflatedTooLarge, "the storages take too much memory as float32")
        }
        remaining -= storage.count
        let values = try ElementDecoder.decode(
            try archive.read(entry), as: storage.type, bigEndian: isBigEndian)
        decoded[storage.key] = (storage.type, values)
        return values
    }
}
