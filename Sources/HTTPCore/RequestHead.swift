import HTTPTypes

/// How long a request's body is (RFC 9112 section 6).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
}

/// A request up to its body, checked: what it says of its framing and host is beyond doubt.
package struct RequestHead: Sendable, Equatable {
    /// A token, case-sensitive and not necessarily a known method.
    package let method: String
    package let target: RequestTarget
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and whatever minor version is above it.
    package let minorVersion: Int
    package let fields: HTTPFields
    package let framing: BodyFraming
    /// Whether the client offers to send another request on this connection.
    package let keepAlive: Bool
    /// Whether the client holds its body back until it sees `100 Continue`.
    package let expectsContinue: Bool
}
