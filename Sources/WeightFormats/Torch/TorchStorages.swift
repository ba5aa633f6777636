import Tensors

/// The storages of a PyTorch archive. Each is decoded once, since tensors can share it.
struct TorchStorages {
    private let archive: ZipArchive
    /// The folder of the pickle in the archive, with its slash.
    private let folder: String
    private let isBigEndian: Bool
    private var decoded: [String: (type: ElementType, values: [Float])] = [:]
    /// The most elements that further storages may have.
    private var remaining: Int

    init(_ archive: ZipArchive, folder: String, limits: FormatLimits) throws(FormatError) {
        self.archive = archive
        self.folder = folder
        remaining = limits.maxElements
        guard let entry = archive.entry(folder + "byteorder") else {
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
    mutating func values(of storage: PickleStorage, as type: ElementType) throws(FormatError) -> [Float] {
        let isTyped = storage.type != nil
        let count = isTyped ? storage.count : storage.count / type.byteCount
        if let known = decoded[storage.key], known.type == type, known.values.count == count { return known.values }
        guard let entry = archive.entry("\(folder)data/\(storage.key)") else {
            throw FormatError(.malformed, "no entry 'data/\(quoted(storage.key))' in the archive")
        }
        let (size, overflow) = storage.count.multipliedReportingOverflow(by: isTyped ? type.byteCount : 1)
        guard !overflow, size == entry.size else {
            throw FormatError(
                .malformed,
                "storage \(quoted(storage.key)) holds \(entry.size) bytes, "
                    + "expected \(storage.count) \(isTyped ? "elements of \(type.rawValue)" : "bytes")"
            )
        }
        guard count <= remaining else {
            throw FormatError(.inflatedTooLarge, "the storages take too much memory as float32")
        }
        remaining -= count
        let values = try ElementDecoder.decode(
            try archive.read(entry), as: type, bigEndian: isBigEndian)
        decoded[storage.key] = (type, values)
        return values
    }
}
