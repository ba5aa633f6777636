/// A zip archive in memory. Its structure is checked before any entry is read.
struct ZipArchive {
    private let bytes: [UInt8]
    private let limits: FormatLimits
    let entries: [ZipEntry]
    private let positions: [String: Int]
    /// Bytes of all entries once they are inflated.
    let inflatedBytes: Int

    /// - Throws: `malformed` unless names are unique, local headers agree with the directory and entries do not
    ///   overlap; `inflated_too_large` where the sizes in the directory exceed the limits.
    init(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) {
        self.bytes = bytes
        self.limits = limits
        var (entries, end) = try ZipDirectory.read(bytes, limits: limits)
        var positions: [String: Int] = [:]
        var total = 0
        for index in entries.indices {
            let entry = entries[index]
            guard positions.updateValue(index, forKey: entry.name) == nil else {
                throw FormatError(.malformed, "zip: two entries named \(quoted(entry.name))")
            }
            entries[index].data = try Self.locateData(of: entry, in: bytes[..<end])
            let (sum, overflow) = total.addingReportingOverflow(entry.size)
            guard !overflow, sum <= limits.maxInflatedBytes else {
                throw FormatError(
                    .inflatedTooLarge, "zip: entries inflate to more than \(limits.maxInflatedBytes) bytes")
            }
            guard entry.size <= limits.inflationCap(forCompressed: entry.compressedSize) else {
                throw FormatError(
                    .inflatedTooLarge,
                    "zip: \(quoted(entry.name)) inflates \(entry.compressedSize) bytes to \(entry.size), "
                        + "more than \(limits.maxInflationRatio) times"
                )
            }
            total = sum
        }
        try Self.refuseOverlaps(entries)
        self.entries = entries
        inflatedBytes = total
        self.positions = positions
    }

    /// An archive in an entry of this one.
    func nested(_ content: ArraySlice<UInt8>) throws(FormatError) -> ZipArchive {
        try ZipArchive(Array(content), limits: limits)
    }

    func entry(_ name: some StringProtocol) -> ZipEntry? { positions[String(name)].map { entries[$0] } }

    /// The entry's content, inflated if it is compressed.
    /// - Throws: `malformed` where its size or CRC-32 differs from the directory's.
    func read(_ entry: ZipEntry) throws(FormatError) -> ArraySlice<UInt8> {
        let content: ArraySlice<UInt8>
        switch entry.method {
        case .stored: content = bytes[entry.data]
        case .deflated: content = try inflate(entry)
        }
        guard content.count == entry.size else {
            throw FormatError(
                .malformed, "zip: \(quoted(entry.name)) holds \(content.count) bytes, expected \(entry.size)")
        }
        guard crc32(content) == entry.crc else {
            throw FormatError(.malformed, "zip: \(quoted(entry.name)) is damaged: its CRC-32 does not match")
        }
        return content
    }

    private func inflate(_ entry: ZipEntry) throws(FormatError) -> ArraySlice<UInt8> {
        var output: [UInt8] = []
        do throws(FormatError) {
            var inflater = try Inflater(.none)
            let consumed = try inflater.inflate(bytes[entry.data], into: &output, cap: entry.size)
            guard consumed == entry.compressedSize else {
                throw FormatError(.malformed, "\(entry.compressedSize - consumed) bytes after the compressed data")
            }
        } catch {
            // The cap is the size in the directory, so any error means that the archive is damaged.
            throw FormatError(.malformed, "zip: \(quoted(entry.name)): \(error.detail)")
        }
        return output[...]
    }

    /// The range of the entry's data, which follows its local header (APPNOTE 4.3.7).
    private static func locateData(of entry: ZipEntry, in bytes: ArraySlice<UInt8>) throws(FormatError) -> Range<Int> {
        guard entry.headerOffset <= bytes.endIndex else {
            throw FormatError(.malformed, "zip: \(quoted(entry.name)) starts inside the directory")
        }
        var reader = ByteReader(bytes[entry.headerOffset...], of: "zip entry \(quoted(entry.name))")
        guard try reader.littleEndian(UInt32.self) == ZipSignature.localHeader else {
            throw FormatError(
                .malformed, "zip: no local header for \(quoted(entry.name)) at byte \(entry.headerOffset)")
        }
        _ = try reader.take(22)
        let nameLength = try reader.littleEndian(UInt16.self)
        let extraLength = try reader.littleEndian(UInt16.self)
        guard ZipEntry.name(try reader.take(Int(nameLength))) == entry.name else {
            throw FormatError(.malformed, "zip: local header of \(quoted(entry.name)) has another name")
        }
        _ = try reader.take(Int(extraLength))
        let start = reader.position
        _ = try reader.take(entry.compressedSize)
        return start..<reader.position
    }

    /// Throws where entries overlap, as they do in archives that inflate to many times the size of their data.
    private static func refuseOverlaps(_ entries: [ZipEntry]) throws(FormatError) {
        var end = 0
        for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
            guard entry.headerOffset >= end else {
                throw FormatError(.malformed, "zip: \(quoted(entry.name)) overlaps the entry before it")
            }
            end = entry.data.upperBound
        }
    }
}
