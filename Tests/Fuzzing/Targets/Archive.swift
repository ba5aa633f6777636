import WeightFormats

/// Zip archives, and PNG pictures, with correct checksums; mutated bytes would otherwise always be refused there.
enum Archive {
    /// The archive with the checksums of its stored entries recomputed, as far as its directory can be read.
    static func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        func number(_ position: Int, _ count: Int) -> Int? {
            guard position >= 0, position + count <= bytes.count else { return nil }
            return (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
        }
        var position = 0
        while let start = bytes[position...].firstIndex(of: 0x50) {
            position = start + 1
            guard number(start, 4) == 0x0201_4b50, number(start + 10, 2) == 0, let size = number(start + 20, 4),
                let header = number(start + 42, 4), let nameLength = number(header + 26, 2),
                let extraLength = number(header + 28, 2)
            else { continue }
            let content = header + 30 + nameLength + extraLength
            guard content + size <= bytes.count else { continue }
            let checksum = crc32(bytes[content..<content + size])
            for index in 0..<4 { bytes[start + 16 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
        }
        return bytes
    }

    /// A PyTorch archive of the input's parts: one byte for the byte order, then a pickle and its storages, each after
    /// its length in two bytes.
    static func torch(_ bytes: [UInt8]) throws -> [UInt8] {
        var rest = bytes.dropFirst()
        func part() -> [UInt8] {
            let length = rest.prefix(2).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(2)
            defer { rest = rest.dropFirst(length) }
            return Array(rest.prefix(length))
        }
        var writer = ZipWriter()
        try writer.add("net/data.pkl", part())
        if let order = bytes.first, order < 3 {
            try writer.add("net/byteorder", Array(["little", "big", "middle"][Int(order)].utf8))
        }
        for key in 0..<16 where !rest.isEmpty { try writer.add("net/data/\(key)", part()) }
        return try writer.finish()
    }

    /// A PNG picture of the chunks that the bytes hold: length, type and content, without signature and checksums.
    /// - Parameter compresses: whether the contents of IDAT are compressed first.
    static func png(_ bytes: [UInt8], compresses: Bool) throws -> [UInt8] {
        func bigEndian(_ value: UInt32) -> [UInt8] {
            (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        var rest = bytes[...]
        while rest.count >= 8 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let type = Array(rest.dropFirst(4).prefix(4))
            rest = rest.dropFirst(8)
            guard length <= rest.count else { break }
            var content = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            if compresses, type == Array("IDAT".utf8) {
                content = try CompressedStream.deflate.encode(content, level: 1)
            }
            file += bigEndian(UInt32(content.count)) + type + content + bigEndian(crc32((type + content)[...]))
        }
        return file + rest
    }
}
