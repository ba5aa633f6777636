import HTTPContent
import HTTPCore
import HTTPTypes
import WeightFormats

extension Response {
    /// A shorter body fits into one packet anyway.
    private static let leastCompressedBytes = 1024
    /// The fastest level: latency matters more than the last percent of size.
    private static let compressionLevel: Int32 = 1

    /// The response in a content coding that the client accepts, where it accepts one and the body gets smaller by it.
    ///
    /// Errors are not compressed: some clients of the Open Inference Protocol accept codings for every response and
    /// decode only successful ones.
    func compressed(for head: RequestHead) -> Response {
        guard status == .ok, body.count >= Self.leastCompressedBytes, fields[.contentType] != "image/png" else {
            return self
        }
        var response = self
        response.fields[.vary] = [fields[.vary], "Accept-Encoding"].compactMap(\.self).joined(separator: ", ")
        let coding = ContentCoding.preferred(
            acceptEncoding: head.fields[values: .acceptEncoding].joined(separator: ","))
        return coding.flatMap { response.encoded($0) } ?? response
    }

    /// The response in a content coding; nil where the body does not get smaller by it.
    func encoded(_ coding: CompressedStream) -> Response? {
        guard let smaller = try? coding.encode(body, level: Self.compressionLevel), smaller.count < body.count else {
            return nil
        }
        var response = self
        response.body = smaller
        response.fields[.contentEncoding] = coding.rawValue
        return response
    }
}
