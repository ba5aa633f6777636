import HTTPCore
import HTTPTypes
import WeightFormats

extension Response {
    /// Below it a compressed body saves no packet.
    private static let leastCompressedBytes = 1024
    /// Latency counts for more than the last percent of size.
    private static let compressionLevel: Int32 = 1

    /// The answer in a content coding that the client takes, if it takes one and the body is worth it.
    ///
    /// Only good answers are compressed: some clients of inference servers ask for it everywhere and undo it here alone.
    func compressed(for head: RequestHead) -> Response {
        guard status == .ok, body.count >= Self.leastCompressedBytes, fields[.contentType] != "image/png",
            let coding = ContentCoding.preferred(
                acceptEncoding: head.fields[values: .acceptEncoding].joined(separator: ",")),
            let smaller = try? coding.encode(body, level: Self.compressionLevel), smaller.count < body.count
        else { return self }
        var response = self
        response.body = smaller
        response.fields[.contentEncoding] = coding.rawValue
        response.fields[.vary] = "Accept-Encoding"
        return response
    }
}
