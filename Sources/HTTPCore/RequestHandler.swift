import Clocks

/// A complete request.
package struct Request: Sendable {
    /// The parsed request line and fields.
    package let head: RequestHead
    /// Identifies the request in logs and in the response's `X-Request-Id`.
    package let id: String
    /// As received, after chunked decoding; the content coding is not undone.
    package let body: [UInt8]
    /// The client's address and port, or `unix`.
    package let peer: String
    /// Cancelled when the client disconnects before its answer.
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

/// What a handler knows of a request once it has seen its head. It stays with the exchange and comes back with its
/// access record. Implementations may add what only the response tells, such as the model that answered.
package protocol RequestContext: AnyObject, Sendable {
    /// The path template that the request matched; nil where none did.
    var route: String? { get }
}

/// The decision on a head, made before its body is read and before `100 Continue` is sent.
package struct Admission: Sendable {
    /// What becomes of the request.
    package enum Decision: Sendable {
        /// Read a body of at most this many bytes, or of the server's own limit if that is less, and then respond.
        case accept(maxBodyBytes: Int, respond: Responder)
        /// Answer now; the body, if any, is dropped.
        case refuse(Response)
    }

    /// Whether the body is read.
    package let decision: Decision
    /// Returned with the access record.
    package let context: (any RequestContext)?

    package static func accept(
        maxBodyBytes: Int, context: (any RequestContext)? = nil, respond: @escaping Responder
    ) -> Admission {
        Admission(decision: .accept(maxBodyBytes: maxBodyBytes, respond: respond), context: context)
    }

    package static func refuse(_ response: Response, context: (any RequestContext)? = nil) -> Admission {
        Admission(decision: .refuse(response), context: context)
    }
}

/// Answers a complete request by calling `reply` exactly once, from any thread, now or later. Further calls have no
/// effect; if `reply` is released without a call, the answer is 500.
package typealias Responder = @Sendable (_ request: Request, _ reply: @escaping @Sendable (Response) -> Void) -> Void

/// How a request ended: the contents of its line in the access log.
package struct AccessRecord: Sendable {
    /// Nil when the request could not be parsed.
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
    /// The code of an error, or why there was no complete answer.
    package var reason: String?
    /// As the handler returned it with the admission; nil where there was none.
    package var context: (any RequestContext)?

    package init(
        head: RequestHead?, status: Int, bytesIn: Int, bytesOut: Int, duration: Duration, peer: String, id: String,
        reason: String?, context: (any RequestContext)?
    ) {
        self.head = head
        self.status = status
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.duration = duration
        self.peer = peer
        self.id = id
        self.reason = reason
        self.context = context
    }
}

extension AccessRecord {
    package var method: String? { head?.method }
    /// The path as received, without the query.
    package var path: String? { head?.target.path }
    /// The path template that the request matched; nil where none did.
    package var route: String? { context?.route }
}

/// What the server serves. All methods, and the responders, are called on an event loop and must not block.
package protocol RequestHandler: Sendable {
    /// Decides on a head, and on who is to respond once the body is complete; `finished` is always called after it.
    /// - Parameter peer: the client's address and port, or `unix`.
    func admit(_ head: RequestHead, id: String, peer: String) -> Admission

    /// The response to an error that the server itself found.
    /// - Parameters:
    ///   - head: nil where no request could be parsed.
    ///   - context: as returned with the admission; nil before it.
    func response(to error: HTTPError, head: RequestHead?, id: String, context: (any RequestContext)?) -> Response

    /// Called once for each request that was admitted, refused or could not be parsed.
    func finished(_ record: AccessRecord)
}
