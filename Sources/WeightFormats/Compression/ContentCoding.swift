/// The content codings of HTTP (RFC 9110, section 8.4) that bodies may have.
package enum ContentCoding: String, Sendable, CaseIterable {
    case gzip
    case deflate

    /// For the `Accept-Encoding` field that goes with a refusal.
    package static let accepted = "gzip, deflate"
    private static let maxLayers = 2

    /// Undoes the codings of a body, the last one applied first.
    ///
    /// - Parameter contentEncoding: the value of the `Content-Encoding` field.
    package static func decode(
        _ bytes: [UInt8], contentEncoding: String, limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> [UInt8] {
        var layers: [ContentCoding] = []
        for token in contentEncoding.split(separator: ",", omittingEmptySubsequences: true) {
            let name = token.filter { $0 != " " && $0 != "\t" }.lowercased()
            switch name {
            case "", "identity": continue
            case "gzip", "x-gzip": layers.append(.gzip)
            case "deflate": layers.append(.deflate)
            default:
                throw FormatError(
                    .unsupportedEncoding, "content coding \(quoted(name)) is not supported; accepted: \(accepted)")
            }
            guard layers.count <= maxLayers else {
                throw FormatError(.unsupportedEncoding, "more than \(maxLayers) content codings")
            }
        }
        var bytes = bytes
        for layer in layers.reversed() { bytes = try layer.decode(bytes, limits: limits) }
        return bytes
    }

    /// Undoes this coding; the whole of `bytes` must belong to it.
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

    /// Applies this coding to an answer.
    /// - Parameter level: 1 (fast) to 9 (small).
    package func encode(_ bytes: [UInt8], level: Int32 = 6) throws(FormatError) -> [UInt8] {
        try Deflater.deflate(bytes, wrapping: self == .gzip ? .gzip : .zlib, level: level)
    }

    /// The coding that an `Accept-Encoding` field (RFC 9110, section 12.5.3) likes best; gzip where it likes both,
    /// and nothing where it likes the bare body better.
    package static func preferred(acceptEncoding: String) -> ContentCoding? {
        var qualities: [String: Double] = [:]
        for item in acceptEncoding.split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let name = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
            qualities[name] = weight.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        }
        func quality(_ coding: ContentCoding) -> Double { qualities[coding.rawValue] ?? qualities["*"] ?? 0 }
        let best = allCases.max { quality($0) < quality($1) || (quality($0) == quality($1) && $1 == .gzip) }
        return best.flatMap { quality($0) > 0 && quality($0) >= qualities["identity"] ?? 0 ? $0 : nil }
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

    /// "deflate" means the zlib format, but clients that send bare DEFLATE data are common enough to be served.
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
