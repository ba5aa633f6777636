/// A container of DEFLATE data (RFC 1951), as files and HTTP bodies have it.
package enum CompressedStream: String, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 1950 (zlib). Reading also accepts DEFLATE data without a container, which some HTTP clients send under this
    /// name.
    case deflate

    /// Inflates `bytes`, which must end with the stream. A gzip file may have several members.
    /// - Throws: `bad_encoding`, or `inflated_too_large` beyond `limits`.
    package func decode(_ bytes: [UInt8], limits: FormatLimits = FormatLimits()) throws(FormatError) -> [UInt8] {
        do throws(FormatError) {
            switch self {
            case .gzip: return try Self.gunzip(bytes, limits: limits)
            case .deflate: return try Self.inflate(bytes, limits: limits)
            }
        } catch {
            throw error.within(rawValue)
        }
    }

    /// Compresses bytes into one stream.
    /// - Parameter level: 1 (fast) to 9 (small).
    package func encode(_ bytes: [UInt8], level: Int32 = 6) throws(FormatError) -> [UInt8] {
        try Deflater.deflate(bytes, wrapping: self == .gzip ? .gzip : .zlib, level: level)
    }

    private static func gunzip(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> [UInt8] {
        let cap = limits.inflationCap(forCompressed: bytes.count)
        var inflater = try Inflater(.gzip)
        var output: [UInt8] = []
        var rest = bytes[...]
        var members = 0
        repeat {
            guard members == 0 || rest.starts(with: [0x1f, 0x8b]) else {
                throw FormatError(.badEncoding, "\(rest.count) bytes after the end of the stream")
            }
            members += 1
            guard members <= limits.maxGzipMembers else {
                throw FormatError(.badEncoding, "more than \(limits.maxGzipMembers) members")
            }
            rest = rest.dropFirst(try inflater.inflate(rest, into: &output, cap: cap))
        } while !rest.isEmpty
        return output
    }

    /// Inflates zlib data, recognised by the checksum of its header, or DEFLATE data without a container.
    private static func inflate(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> [UInt8] {
        let hasHeader =
            bytes.count >= 2 && bytes[0] & 0x0f == 8 && (UInt16(bytes[0]) << 8 | UInt16(bytes[1])).isMultiple(of: 31)
        var inflater = try Inflater(hasHeader ? .zlib : .none)
        var output: [UInt8] = []
        let consumed = try inflater.inflate(
            bytes[...], into: &output, cap: limits.inflationCap(forCompressed: bytes.count))
        guard consumed == bytes.count else {
            throw FormatError(.badEncoding, "\(bytes.count - consumed) bytes after the end of the stream")
        }
        return output
    }
}
