import Clocks

/// All decisions of one server connection, without its socket: what to read, whom to ask, what to send, when to close.
///
/// The owner reports what happens (`receive`, `endOfInput`, `reset`, `wrote`, `reply`, `tick`, `drain`, `cut`), then
/// carries out `nextAction` until there is none and sends what `output` holds. Requests are answered in the order in
/// which they came, however their answers arrive. A connection goes from open through an optional lingering phase, in
/// which its sending side is closed and input is dropped so that the client can read the last answer, to closed.
package struct ConnectionState: ~Copyable, Sendable {
    enum Phase: Equatable {
        case open
        case lingering(since: Instant)
        case closed
    }

    /// What becomes of received bytes.
    enum Intake {
        case parsing
        /// The last request is in, or input makes no sense any more.
        case ignoring
        /// The client has sent its last byte.
        case ended
    }

    /// Whose body is arriving.
    enum Receiving: Equatable {
        case nothing
        case body(exchange: Int)
        /// That of a request which is answered already.
        case discarding
    }

    let limits: HTTPLimits
    let timeouts: HTTPTimeouts
    let peer: String

    var parser: RequestParser
    var serializer = ResponseSerializer()
    /// What the owner is to send.
    package internal(set) var output = OutputQueue()
    /// Oldest first: answered ones being sent, then the rest.
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
    /// Whether bytes may be on their way when the connection closes, so that it must linger.
    var lingers = false
    /// Whether the request being received leaves the connection open after it.
    var keepsAlive = true
    var body: [UInt8] = []

    var opened: Instant
    /// Since when there has been nothing to do.
    var quietSince: Instant
    /// When the first byte of an incomplete head came.
    var headStarted: Instant?
    /// When the client could begin to send the body that is arriving.
    var bodyStarted: Instant?
    var bodyBytes = 0
    var lastReceived: Instant
    var lastSent: Instant
    var droppedBytes = 0

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

    package var isClosed: Bool { phase == .closed }

    /// Whether a request waits for its answer.
    package var hasUnanswered: Bool { exchanges.contains { $0.isUnanswered } }

    /// Bytes of bodies that wait for their answers, and of answers that wait to be sent.
    package var heldBytes: Int { exchanges.reduce(output.waiting) { $0 + $1.heldBytes } }

    /// Whether the owner should read. Not reading is the back-pressure on a client that pipelines too much; reading
    /// goes on otherwise, even when there is nothing to expect, because it is how a hang-up is noticed.
    package var wantsInput: Bool {
        switch (phase, intake) {
        case (.closed, _), (.open, .ended): false
        case (.lingering, _): true
        case (.open, .ignoring): droppedBytes < limits.maxLingerBytes
        case (.open, .parsing): !isBlocked || parser.bufferedBytes == 0
        }
    }

    /// The next thing to do, or nothing until something happens.
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
            lingers = true
        case (.lingering, _):
            droppedBytes += bytes.count
            if droppedBytes >= limits.maxLingerBytes { close(.lingered) }
        case (.closed, _), (.open, .ended): break
        }
    }

    /// The client has sent its last byte.
    ///
    /// A client that is gone and one that has closed only its sending side look the same. Whoever does the latter on
    /// purpose does so after its last request, so a request that promised another one (`keepAlive`) is taken for
    /// abandoned and dropped, while one that came with `Connection: close`, or over HTTP/1.0, is still answered.
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

    /// The connection is broken: nothing can be sent any more.
    package mutating func reset(at now: Moment) {
        hangUp(.clientReset, at: now)
    }

    /// Ends the connection without waiting for anything.
    package mutating func cut(at now: Moment) {
        hangUp(.shutdown, at: now)
    }

    /// Drops everything that is unfinished and closes.
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

    /// Closes once every answer is sent; or, if the client may still be sending, closes one side and lingers, since
    /// closing both would make the kernel throw away the answer that the client has not read yet.
    mutating func settle(at now: Moment) {
        guard phase == .open, exchanges.isEmpty, output.isEmpty, receiving == .nothing else { return }
        switch intake {
        case .parsing: quietSince = now.instant
        case .ended: close(.answered)
        case .ignoring where !lingers: close(.answered)
        case .ignoring:
            phase = .lingering(since: now.instant)
            lastReceived = now.instant
            droppedBytes = 0
            actions.append(.shutdownSending)
        }
    }
}
