import HTTPTypes

/// How long a request's body is (RFC 9112 section 6).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
}

/// A request up to its body. Its framing and host are checked.
///
/// A class, since it is passed on several times for each request and never changes.
package final class RequestHead: Sendable {
    /// A token, case-sensitive and not necessarily a known method.
    package let method: String
    package let target: RequestTarget
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and whatever minor version is above it.
    package let minorVersion: Int
    package let fields: HTTPFields
    package let framing: BodyFraming
    /// Whether the client may send another request on this connection.
    package let keepAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends its body.
    package let expectsContinue: Bool

    package init(
        method: String, target: RequestTarget, minorVersion: Int, fields: HTTPFields, framing: BodyFraming,
        keepAlive: Bool, expectsContinue: Bool
    ) {
        self.method = method
        self.target = target
        self.minorVersion = minorVersion
        self.fields = fields
        self.framing = framing
        self.keepAlive = keepAlive
        self.expectsContinue = expectsContinue
    }
}

extension RequestHead: Equatable {
    package static func == (one: RequestHead, other: RequestHead) -> Bool {
        one.method == other.method && one.target == other.target && one.minorVersion == other.minorVersion
            && one.fields == other.fields && one.framing == other.framing && one.keepAlive == other.keepAlive
            && one.expectsContinue == other.expectsContinue
    }
}
