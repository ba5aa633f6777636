import HTTPTypes

/// Responses as bytes, with the fields that the connection determines.
struct ResponseSerializer {
    /// What the connection determines about a response.
    struct Context {
        var requestID: String
        var unixSeconds: Int64
        /// The response to HEAD: the fields of the response to GET, without the body.
        var isHead = false
        /// For HTTP/1.0, where `Connection: keep-alive` must be sent if the connection stays open.
        var minorVersion = 1
        var closes = false
    }

    /// Bodies up to this size are sent in one piece with their head.
    private static let joinedBodyBytes = 16_384

    /// Sent to a client that waits for it before it sends its body (RFC 9110 section 15.2.1).
    static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Fields that the serializer writes itself. The same fields of a handler are dropped, so that none appears twice.
    private static func isOwn(_ canonicalName: String) -> Bool {
        switch canonicalName {
        case "connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade", "x-request-id": true
        default: false
        }
    }

    private static let typicalHeadBytes = 256
    private static let version = Array("HTTP/1.1 ".utf8)
    private static let separator = Array(": ".utf8)
    private static let lineEnd = Array("\r\n".utf8)

    private var date = HTTPDate()

    /// One or two pieces to send in order.
    mutating func serialize(_ response: Response, _ context: Context) -> [[UInt8]] {
        let status = response.status.code
        let hasBody = !(status < 200 || status == 204 || status == 304)
        let joinsBody = hasBody && !context.isHead && response.body.count <= Self.joinedBodyBytes
        var head: [UInt8] = []
        head.reserveCapacity(Self.typicalHeadBytes + (joinsBody ? response.body.count : 0))
        func append(_ name: String, _ value: String) {
            head += name.utf8
            head += Self.separator
            head += value.utf8
            head += Self.lineEnd
        }
        head += Self.version
        head += String(status).utf8
        head.append(ASCII.space)
        head += response.status.reasonPhrase.utf8
        head += Self.lineEnd
        append("Date", date.text(at: context.unixSeconds))
        for field in response.fields where !Self.isOwn(field.name.canonicalName) {
            append(field.name.rawName, field.value)
        }
        if hasBody { append("Content-Length", String(response.body.count)) }
        append(RequestID.fieldName.rawName, context.requestID)
        if context.closes {
            append("Connection", "close")
        } else if context.minorVersion == 0 {
            append("Connection", "keep-alive")
        }
        head += Self.lineEnd
        if joinsBody { head += response.body }
        return joinsBody || !hasBody || context.isHead ? [head] : [head, response.body]
    }
}
