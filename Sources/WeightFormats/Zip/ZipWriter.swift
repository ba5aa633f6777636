/// Writes zip archives of uncompressed entries (APPNOTE 4.3) of less than 4 GiB, without 64-bit fields.
package struct ZipWriter {
    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0
    /// 1980-01-01 00:00, the earliest time of the format, so that equal content gives equal bytes.
    private static let date: UInt16 = 0x0021

    package init() {}

    /// Adds an entry.
    /// - Throws: `internal` where the archive would need 64-bit fields.
    package mutating func add(_ name: String, _ content: [UInt8]) throws(FormatError) {
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
        fields.append(littleEndian: UInt16(0))

        bytes.append(littleEndian: ZipSignature.localHeader)
        bytes += fields
        bytes += name.utf8
        bytes += content

        directory.append(littleEndian: ZipSignature.centralHeader)
        directory.append(littleEndian: UInt16(20))
        directory += fields
        directory += [UInt8](repeating: 0, count: 10)  // comment length, disk, attributes
        directory.append(littleEndian: offset)
        directory += name.utf8
        count += 1
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
