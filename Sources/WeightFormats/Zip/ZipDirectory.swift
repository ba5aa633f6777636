/// Reads the central directory of a zip archive (APPNOTE 4.3.12 to 4.3.16), with its 64-bit extensions.
///
/// Sizes are taken from the directory, because the local headers that NumPy writes have 0xFFFFFFFF in their place.
struct ZipDirectory {
    private let bytes: [UInt8]
    private let limits: FormatLimits

    /// The end record.
    private struct End {
        var entries: UInt64
        var size: UInt64
        var offset: UInt64
        /// The position at which the directory must end.
        var position: Int
    }

    /// - Returns: the entries in the order of the directory, and the position of the directory.
    static func read(
        _ bytes: [UInt8], limits: FormatLimits
    ) throws(FormatError) -> (entries: [ZipEntry], start: Int) {
        try ZipDirectory(bytes: bytes, limits: limits).read()
    }

    private func read() throws(FormatError) -> (entries: [ZipEntry], start: Int) {
        let end = try locateEnd()
        guard end.entries <= UInt64(limits.maxZipEntries) else {
            throw FormatError(.malformed, "zip: \(end.entries) entries, expected at most \(limits.maxZipEntries)")
        }
        guard let start = Int(exactly: end.offset), let size = Int(exactly: end.size), start <= end.position,
            size == end.position - start
        else {
            throw FormatError(
                .malformed, "zip: directory of \(end.size) bytes at \(end.offset) does not end at byte \(end.position)"
            )
        }
        var reader = ByteReader(bytes[start..<end.position], of: "zip directory")
        var entries: [ZipEntry] = []
        for _ in 0..<end.entries { entries.append(try readEntry(&reader)) }
        guard reader.remaining == 0 else {
            throw FormatError(.malformed, "zip: \(reader.remaining) bytes after the directory's last entry")
        }
        return (entries, start)
    }

    /// Finds the end record, which only a comment of at most 65,535 bytes may follow.
    private func locateEnd() throws(FormatError) -> End {
        let length = 22
        var position = bytes.count - length
        let lowest = max(0, position - 0xffff)
        while position >= lowest {
            if bytes[position] == 0x50 {
                var reader = ByteReader(bytes[position...], of: "zip end record")
                if try reader.littleEndian(UInt32.self) == ZipSignature.end {
                    return try readEnd(&reader, at: position)
                }
            }
            position -= 1
        }
        throw FormatError(.malformed, "zip: no end record; the file is cut short")
    }

    private func readEnd(_ reader: inout ByteReader, at position: Int) throws(FormatError) -> End {
        let disk = try reader.littleEndian(UInt16.self)
        let directoryDisk = try reader.littleEndian(UInt16.self)
        let entriesHere = try reader.littleEndian(UInt16.self)
        let entries = try reader.littleEndian(UInt16.self)
        let size = try reader.littleEndian(UInt32.self)
        let offset = try reader.littleEndian(UInt32.self)
        let comment = try reader.littleEndian(UInt16.self)
        guard reader.remaining == Int(comment) else {
            throw FormatError(.malformed, "zip: \(reader.remaining) bytes after the end record, expected \(comment)")
        }
        // PyTorch always writes the 64-bit record, and the directory ends before it.
        if position >= 20 {
            var locator = ByteReader(bytes[(position - 20)..<position], of: "zip64 locator")
            if try locator.littleEndian(UInt32.self) == ZipSignature.end64Locator {
                return try readEnd64(&locator)
            }
        }
        guard disk == 0, directoryDisk == 0, entriesHere == entries else {
            throw FormatError(.malformed, "zip: archives in several parts are not supported")
        }
        return End(entries: UInt64(entries), size: UInt64(size), offset: UInt64(offset), position: position)
    }

    private func readEnd64(_ locator: inout ByteReader) throws(FormatError) -> End {
        let locatorPosition = locator.position - 4
        let disk = try locator.littleEndian(UInt32.self)
        let offset = try locator.littleEndian(UInt64.self)
        guard disk == 0, let position = Int(exactly: offset), position < locatorPosition else {
            throw FormatError(.malformed, "zip: zip64 end record at \(offset), out of range")
        }
        var reader = ByteReader(bytes[position..<locatorPosition], of: "zip64 end record")
        guard try reader.littleEndian(UInt32.self) == ZipSignature.end64 else {
            throw FormatError(.malformed, "zip: no zip64 end record at byte \(position)")
        }
        _ = try reader.take(12)  // its own size and two versions
        let disks = try reader.take(8)
        let entriesHere = try reader.littleEndian(UInt64.self)
        let entries = try reader.littleEndian(UInt64.self)
        guard disks.allSatisfy({ $0 == 0 }), entriesHere == entries else {
            throw FormatError(.malformed, "zip: archives in several parts are not supported")
        }
        let size = try reader.littleEndian(UInt64.self)
        return End(
            entries: entries, size: size, offset: try reader.littleEndian(UInt64.self), position: position)
    }

    private func readEntry(_ reader: inout ByteReader) throws(FormatError) -> ZipEntry {
        guard try reader.littleEndian(UInt32.self) == ZipSignature.centralHeader else {
            throw FormatError(.malformed, "zip: no entry at byte \(reader.offset - 4) of the directory")
        }
        _ = try reader.take(4)  // versions
        let flags = try reader.littleEndian(UInt16.self)
        let methodNumber = try reader.littleEndian(UInt16.self)
        _ = try reader.take(4)  // time and date
        let crc = try reader.littleEndian(UInt32.self)
        var compressedSize = UInt64(try reader.littleEndian(UInt32.self))
        var size = UInt64(try reader.littleEndian(UInt32.self))
        let nameLength = try reader.littleEndian(UInt16.self)
        let extraLength = try reader.littleEndian(UInt16.self)
        let commentLength = try reader.littleEndian(UInt16.self)
        let disk = try reader.littleEndian(UInt16.self)
        _ = try reader.take(6)  // attributes
        var offset = UInt64(try reader.littleEndian(UInt32.self))
        let name = ZipEntry.name(try reader.take(Int(nameLength)))
        guard !name.isEmpty else { throw FormatError(.malformed, "zip: an entry without a name") }
        let extra = try reader.take(Int(extraLength))
        _ = try reader.take(Int(commentLength))
        try Self.widen(&size, &compressedSize, &offset, from: extra, of: name)
        guard flags & 0x2041 == 0 else { throw FormatError(.malformed, "zip: \(quoted(name)) is encrypted") }
        guard disk == 0 || disk == .max else {
            throw FormatError(.malformed, "zip: archives in several parts are not supported")
        }
        guard let method = ZipEntry.Method(rawValue: methodNumber) else {
            throw FormatError(
                .malformed,
                "zip: \(quoted(name)) uses compression method \(methodNumber), expected 0 (stored) or 8 (deflated)")
        }
        guard let size = Int(exactly: size), let compressedSize = Int(exactly: compressedSize),
            let offset = Int(exactly: offset)
        else { throw FormatError(.malformed, "zip: \(quoted(name)) has impossible sizes") }
        return ZipEntry(
            name: name, method: method, crc: crc, compressedSize: compressedSize, size: size, headerOffset: offset)
    }

    /// Replaces sizes and offsets of 0xFFFFFFFF by the 64-bit values of the extra field (APPNOTE 4.5.3).
    private static func widen(
        _ size: inout UInt64, _ compressedSize: inout UInt64, _ offset: inout UInt64, from extra: ArraySlice<UInt8>,
        of name: String
    ) throws(FormatError) {
        let narrow = UInt64(UInt32.max)
        guard size == narrow || compressedSize == narrow || offset == narrow else { return }
        var reader = ByteReader(extra, of: "zip extra field of \(quoted(name))")
        while reader.remaining >= 4 {
            let kind = try reader.littleEndian(UInt16.self)
            let length = try reader.littleEndian(UInt16.self)
            let body = try reader.take(Int(length))
            guard kind == 1 else { continue }
            var fields = ByteReader(body, of: "zip64 field of \(quoted(name))")
            if size == narrow { size = try fields.littleEndian(UInt64.self) }
            if compressedSize == narrow { compressedSize = try fields.littleEndian(UInt64.self) }
            if offset == narrow { offset = try fields.littleEndian(UInt64.self) }
            return
        }
    }
}
