import Clocks

/// A complete request.
package struct Request: Sendable {
    package let head: RequestHead
    /// The request's name in logs and in the response's `X-Request-Id`.
    package let id: String
    package let body: [UInt8]
    /// The client's address and port, or `unix`.
    package let peer: String
    /// Cancelled when the client is gone before its answer.
    package let cancellation: Cancellation
    /// When the head was complete.
    package let received: Instant

    package init(
        head: RequestHead, id: String, body: [UInt8], peer: String, cancellation: Cancellation,
        received: Instant
    ) {
        self.head = head
        self.id = id
        self.body = body
        self.peer = peer
        self.cancellation = cancellation
        self.received = received
    }
}

/// The decision on a head, made before its body is read and before `100 Continue` is sent.
package enum Admission: Sendable {
    /// Read a body of at most this many bytes, or of the server's own limit if that is less, and then respond.
    case accept(maxBodyBytes: Int, respond: Responder)
    /// Answer now; the body, if any, is dropped.
    case refuse(Response)
}

/// Answers a complete request by calling `reply` exactly once, from any thread, now or later. Further calls have no
/// effect, and letting go of `reply` uncalled answers 500.
package typealias Responder = @Sendable (_ request: Request, _ reply: @escaping @Sendable (Response) -> Void) -> Void

/// One line of the access log: how a request ended.
package struct AccessRecord: Sendable, Equatable {
    /// Absent when the request could not be understood.
    package var head: RequestHead?
    /// The status sent, or 499 when the client was gone first.
    package var status: Int
    /// Of the body, without chunk framing.
    package var bytesIn: Int
    /// Of the whole response.
    package var bytesOut: Int
    /// From the end of the head to the last byte handed to the kernel.
    package var duration: Duration
    package var peer: String
    package var id: String
    /// The template that matched, if the handler said so.
    package var route: String?
    /// The code of an error, or why there was no complete answer.
    package var reason: String?
}

extension AccessRecord {
    package var method: String? { head?.method }
    /// The path as received, without the query.
    package var path: String? { head?.target.path }
}

/// What the server serves. All methods, and the responders, are called on an I/O queue and must not block.
package protocol RequestHandler: Sendable {
    /// Decides on a head, and on who is to respond once the body is complete; `finished` follows always.
    /// - Parameter peer: the client's address and port, or `unix`.
    func admit(_ head: RequestHead, id: String, peer: String) -> Admission

    /// Renders an error that the server found itself; without a head if there was none.
    func response(to error: HTTPError, head: RequestHead?, id: String) -> Response

    /// Called once for each request that was admitted, refused or not understood.
    func finished(_ record: AccessRecord)
}
