import HTTPTypes

/// Responses as bytes, with the fields that only the server can know.
struct ResponseSerializer {
    /// What the connection decides about a response.
    struct Context {
        var requestID: String
        var unixSeconds: Int64
        /// The answer to HEAD: every field of the answer to GET, without the body.
        var isHead = false
        /// A client of HTTP/1.0 must be told when the connection stays open.
        var minorVersion = 1
        var closes = false
    }

    /// Bodies up to this size go out in one piece with their head.
    private static let joinedBodyBytes = 16_384

    /// Written before a body that the client holds back (RFC 9110 section 15.2.1).
    static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Those that the serializer writes itself; a handler's own are dropped, so none appears twice.
    private static let ownFields: Set<String> = [
        "connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade", "x-request-id",
    ]

    private var date = HTTPDate()

    /// One or two pieces to send in order.
    mutating func serialize(_ response: Response, _ context: Context) -> [[UInt8]] {
        let status = response.status.code
        let hasBody = !(status < 200 || status == 204 || status == 304)
        var head = "HTTP/1.1 \(status) \(response.status.reasonPhrase)\r\n"
        head += "Date: \(date.text(at: context.unixSeconds))\r\n"
        for field in response.fields where !Self.ownFields.contains(field.name.canonicalName) {
            head += "\(field.name.rawName): \(field.value)\r\n"
        }
        if hasBody { head += "Content-Length: \(response.body.count)\r\n" }
        head += "\(RequestID.fieldName): \(context.requestID)\r\n"
        if context.closes {
            head += "Connection: close\r\n"
        } else if context.minorVersion == 0 {
            head += "Connection: keep-alive\r\n"
        }
        head += "\r\n"
        let headBytes = Array(head.utf8)
        guard hasBody, !context.isHead, !response.body.isEmpty else { return [headBytes] }
        guard response.body.count > Self.joinedBodyBytes else { return [headBytes + response.body] }
        return [headBytes, response.body]
    }
}
