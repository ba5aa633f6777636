/// Writes zip archives of uncompressed entries (APPNOTE 4.3) of less than 4 GiB, without 64-bit fields.
package struct ZipWriter {
    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0
    /// 1980-01-01 00:00, the earliest time of the format, so that equal content gives equal bytes.
    private static let date: UInt16 = 0x0021

    package init() {}

    /// Adds an entry.
    /// - Parameter alignment: the content begins at a multiple of it, after zeros in an extra field as PyTorch writes it;
    ///   1 for no such field.
    /// - Throws: `internal` where the archive would need 64-bit fields.
    package mutating func add(
        _ name: String, _ content: [UInt8], alignment: Int = 1
    ) throws(FormatError) {
        guard let size = UInt32(exactly: content.count), let offset = UInt32(exactly: bytes.count),
            let nameLength = UInt16(exactly: name.utf8.count), count < 0xfffe
        else { throw FormatError(.internal, "\(quoted(name)) is too large for a zip archive") }
        // The part of both headers: version, flags (UTF-8 names), method, time, date, CRC-32, sizes, lengths.
        var fields: [UInt8] = []
        for value in [20, 0x0800, 0, 0, Self.date] { fields.append(littleEndian: value) }
        fields.append(littleEndian: crc32(content[...]))
        fields.append(littleEndian: size)
        fields.append(littleEndian: size)
        fields.append(littleEndian: nameLength)

        let extra = padding(after: name, to: alignment)
        bytes.append(littleEndian: ZipSignature.localHeader)
        bytes += fields
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: extra.count))
        bytes += name.utf8
        bytes += extra
        bytes += content

        directory.append(littleEndian: ZipSignature.centralHeader)
        directory.append(littleEndian: UInt16(20))
        directory += fields
        directory += [UInt8](repeating: 0, count: 12)  // lengths of extra field and comment, disk, attributes
        directory.append(littleEndian: offset)
        directory += name.utf8
        count += 1
    }

    /// The extra field `FB` of zeros after which an entry's content is aligned; empty for an alignment of 1.
    private func padding(after name: String, to alignment: Int) -> [UInt8] {
        guard alignment > 1 else { return [] }
        let start = bytes.count + 30 + name.utf8.count + 4
        let zeros = (alignment - start % alignment) % alignment
        var field = Array("FB".utf8)
        field.append(littleEndian: UInt16(truncatingIfNeeded: zeros))
        return field + [UInt8](repeating: 0, count: zeros)
    }

    /// The archive.
    package consuming func finish() throws(FormatError) -> [UInt8] {
        guard let offset = UInt32(exactly: bytes.count), let size = UInt32(exactly: directory.count) else {
            throw FormatError(.internal, "the zip archive grew past 4 GiB")
        }
        var result = bytes
        result += directory
        result.append(littleEndian: ZipSignature.end)
        result.append(littleEndian: UInt32(0))
        result.append(littleEndian: UInt16(count))
        result.append(littleEndian: UInt16(count))
        result.append(littleEndian: size)
        result.append(littleEndian: offset)
        result.append(littleEndian: UInt16(0))
        return result
    }
}
