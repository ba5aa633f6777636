import WeightFormats

/// The content codings of HTTP bodies (RFC 9110, section 8.4): gzip and deflate.
package enum ContentCoding {
    /// For the `Accept-Encoding` field of a response that refuses a coding.
    package static let accepted = "gzip, deflate"
    private static let maxLayers = 2

    /// Decodes a body. The codings were applied in the order of the field, so the last one is undone first.
    ///
    /// - Parameters:
    ///   - contentEncoding: the value of the `Content-Encoding` field; several fields joined by commas.
    ///   - limits: of the inflated size.
    package static func decode(
        _ bytes: [UInt8], contentEncoding: String, limits: FormatLimits = FormatLimits()
    ) throws(ContentError) -> [UInt8] {
        var layers: [CompressedStream] = []
        for token in contentEncoding.split(separator: ",", omittingEmptySubsequences: true) {
            let name = token.filter { $0 != " " && $0 != "\t" }.lowercased()
            switch name {
            case "", "identity": continue
            case "gzip", "x-gzip": layers.append(.gzip)
            case "deflate": layers.append(.deflate)
            default:
                throw .unsupportedEncoding("content coding \(quoted(name)) is not supported; accepted: \(accepted)")
            }
            guard layers.count <= maxLayers else {
                throw .unsupportedEncoding("more than \(maxLayers) content codings")
            }
        }
        var bytes = bytes
        do throws(FormatError) {
            for layer in layers.reversed() { bytes = try layer.decode(bytes, limits: limits) }
        } catch {
            throw .undecodable(error)
        }
        return bytes
    }

    /// The coding with the highest weight in an `Accept-Encoding` field (RFC 9110, section 12.5.3), gzip where both
    /// have the same; nil where identity has a higher weight or nothing is accepted.
    package static func preferred(acceptEncoding: String) -> CompressedStream? {
        var weights: [String: Double] = [:]
        for item in HeaderParameters.split(Array(acceptEncoding.utf8)[...], at: UInt8(ascii: ",")) {
            let item = HeaderParameters(item)
            guard !item.value.isEmpty else { continue }
            weights[item.value] = item["q"].map { Quality.weight($0) } ?? 1
        }
        func weight(_ coding: CompressedStream) -> Double { weights[coding.rawValue] ?? weights["*"] ?? 0 }
        let best = CompressedStream.allCases.max {
            weight($0) < weight($1) || (weight($0) == weight($1) && $1 == .gzip)
        }
        return best.flatMap { weight($0) > 0 && weight($0) >= weights["identity"] ?? 0 ? $0 : nil }
    }
}
