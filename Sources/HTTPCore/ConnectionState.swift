import Clocks

/// The protocol logic of one server connection, without its socket: what to read, when to call the handler, what to
/// send, when to close.
///
/// The owner reports events (`receive`, `endOfInput`, `reset`, `wrote`, `reply`, `tick`, `drain`, `cut`), then carries
/// out `nextAction` until there is none and sends what `output` holds. Requests are answered in order of arrival,
/// whatever the order of their answers. A connection goes from open to closed, if necessary through a lingering phase
/// in which its sending side is shut down and input is dropped so that the client can read the last answer.
package struct ConnectionState: ~Copyable, Sendable {
    enum Phase: Equatable {
        case open
        case lingering(since: Instant)
        case closed
    }

    /// What is done with received bytes.
    enum Intake {
        case parsing
        /// The last request has been read, or the input cannot be parsed any more.
        case ignoring
        /// The client has sent its last byte.
        case ended
    }

    /// Which request's body is arriving.
    enum Receiving: Equatable {
        case nothing
        case body(exchange: Int)
        /// The body of a request that is answered already.
        case discarding
    }

    let limits: HTTPLimits
    let timeouts: HTTPTimeouts
    let peer: String

    var parser: RequestParser
    var serializer = ResponseSerializer()
    /// What the owner is to send.
    package internal(set) var output = OutputQueue()
    /// Oldest first: those whose answers are being sent, then the others.
    var exchanges: [Exchange] = []
    var nextNumber = 0
    var actions: [ConnectionAction] = []

    var phase = Phase.open
    var intake = Intake.parsing
    var receiving = Receiving.nothing
    var awaitsAdmission = false
    /// Whether all connections together hold more than `HTTPLimits.maxHeldBytes`, as the owner finds out.
    package var isMemoryShort = false
    var isDraining = false
    /// Whether the connection stays open after the request that is being received.
    var keepsAlive = true
    var body: [UInt8] = []

    var opened: Instant
    /// When the connection last became idle.
    var quietSince: Instant
    /// When the first byte of an incomplete head arrived.
    var headStarted: Instant?
    /// When the client could begin to send the body that is being received.
    var bodyStarted: Instant?
    var bodyBytes = 0
    var lastReceived: Instant
    var lastSent: Instant
    var droppedBytes = 0

    /// - Parameter peer: the client's address and port, for access records.
    package init(limits: HTTPLimits, timeouts: HTTPTimeouts, peer: String, at now: Moment) {
        self.limits = limits
        self.timeouts = timeouts
        self.peer = peer
        parser = RequestParser(limits: limits)
        opened = now.instant
        quietSince = now.instant
        lastReceived = now.instant
        lastSent = now.instant
    }

    /// Whether the connection has ended; the socket is to be closed.
    package var isClosed: Bool { phase == .closed }

    /// Whether a request waits for its answer.
    package var hasUnanswered: Bool { exchanges.contains { $0.isUnanswered } }

    /// Bytes of the bodies of unanswered requests and of unsent answers.
    package var heldBytes: Int { exchanges.reduce(output.waiting) { $0 + $1.heldBytes } }

    /// Whether the owner should read. It stops reading from a client that pipelines too much, as back-pressure;
    /// otherwise it always reads, since that is how it notices that the client disconnects.
    package var wantsInput: Bool {
        switch (phase, intake) {
        case (.closed, _), (.open, .ended): false
        case (.lingering, _): true
        case (.open, .ignoring): droppedBytes < limits.maxLingerBytes
        case (.open, .parsing): !isBlocked || parser.bufferedBytes == 0
        }
    }

    /// The next action; nil until the next event.
    package mutating func nextAction(at now: Moment) -> ConnectionAction? {
        while actions.isEmpty, parseStep(at: now) {}
        return actions.count > 1 ? actions.removeFirst() : actions.popLast()
    }

    /// Bytes have arrived.
    package mutating func receive(_ bytes: ArraySlice<UInt8>, at now: Moment) {
        lastReceived = now.instant
        switch (phase, intake) {
        case (.open, .parsing): parser.append(bytes)
        case (.open, .ignoring):
            droppedBytes += bytes.count
        case (.lingering, _):
            droppedBytes += bytes.count
            if droppedBytes >= limits.maxLingerBytes { close(.lingered) }
        case (.closed, _), (.open, .ended): break
        }
    }

    /// The client has sent its last byte.
    ///
    /// A client that has disconnected and one that has shut down only its sending side cannot be told apart. The latter
    /// does so after its last request, so a request that announced further ones (`keepAlive`) is taken for abandoned
    /// and dropped, while one with `Connection: close`, or of HTTP/1.0, is still answered.
    package mutating func endOfInput(at now: Moment) {
        guard phase == .open else {
            if phase != .closed { close(.lingered) }
            return
        }
        let wasParsing = intake == .parsing
        intake = .ended
        if wasParsing, exchanges.contains(where: { if case .waiting = $0.progress { true } else { false } }) {
            hangUp(.clientClosed, at: now)
        } else if case .body = receiving {
            fail(.badFraming("the connection ended inside the request's body, after \(body.count) bytes"), at: now)
        } else if wasParsing, receiving == .nothing, parser.isInsideHead {
            fail(.badRequest("the connection ended inside the request's head"), at: now)
        } else {
            receiving = .nothing
            bodyStarted = nil
            settle(at: now)
        }
    }

    /// The connection is broken; nothing can be sent.
    package mutating func reset(at now: Moment) {
        hangUp(.clientReset, at: now)
    }

    /// Ends the connection without waiting for anything.
    package mutating func cut(at now: Moment) {
        hangUp(.shutdown, at: now)
    }

    /// Drops all unfinished exchanges and closes.
    mutating func hangUp(_ reason: CloseReason, at now: Moment) {
        guard phase != .closed else { return }
        for exchange in exchanges {
            if exchange.isUnanswered { actions.append(.cancel(exchange: exchange.number)) }
            actions.append(
                .finished(exchange.record(peer: peer, sent: output.sent, cut: reason, at: now.instant)))
        }
        exchanges = []
        close(reason)
    }

    mutating func close(_ reason: CloseReason) {
        phase = .closed
        output.removeAll()
        body = []
        actions.append(.close(reason))
    }

    /// Closes once every answer is sent. Unless the client has ended its side, only the sending side is shut down first
    /// (RFC 9112 section 9.6): after a full close, bytes that are still on their way would make the kernel reset the
    /// connection, and the client could lose the answer.
    mutating func settle(at now: Moment) {
        guard phase == .open, exchanges.isEmpty, output.isEmpty, receiving == .nothing else { return }
        switch intake {
        case .parsing: quietSince = now.instant
        case .ended: close(.answered)
        case .ignoring:
            phase = .lingering(since: now.instant)
            lastReceived = now.instant
            droppedBytes = 0
            actions.append(.shutdownSending)
        }
    }
}
