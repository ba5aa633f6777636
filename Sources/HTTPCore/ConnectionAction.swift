import Clocks

/// What a `ConnectionState` asks its owner to do.
package enum ConnectionAction: Sendable {
    /// Ask the handler, then call `admitted`.
    case admit(exchange: Int, head: RequestHead, id: String)
    /// Hand the complete request to the handler, then call `reply` whenever the answer is there.
    case respond(exchange: Int, head: RequestHead, id: String, body: [UInt8], received: Instant)
    /// Render the error with the exchange's context, then call `reply`.
    case fail(exchange: Int, error: HTTPError, head: RequestHead?, id: String)
    /// The client no longer waits for this exchange's answer.
    case cancel(exchange: Int)
    case finished(AccessRecord)
    /// Shut down the sending side of the socket, and keep reading.
    case shutdownSending
    /// Close the socket; nothing follows.
    case close(CloseReason)
}

/// Why a connection ended.
package enum CloseReason: String, Sendable, Equatable {
    /// The last answer was sent.
    case answered
    case idle
    case drained
    case clientClosed = "client_closed"
    case clientReset = "client_reset"
    case writeStalled = "write_stalled"
    /// The lingering phase after the last answer has ended: the client closed too, or a limit was reached.
    case lingered
    /// The server stopped without waiting for the connection.
    case shutdown
}
