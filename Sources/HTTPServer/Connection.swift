import Dispatch
import HTTPCore
import Synchronization

/// A connection: moves bytes between its socket and its `ConnectionState`, and performs the actions of the state.
///
/// `@unchecked Sendable`: confined to its event loop, except for `inbox`, which has its own lock.
final class Connection: @unchecked Sendable {
    /// Responses that handlers have given, on any thread, and that the event loop has not taken yet.
    private struct Inbox {
        var replies: [(exchange: Int, response: Response)] = []
        /// Whether `advance` is running or submitted, so that it will take them.
        var isAttended = false
    }

    /// Reads per event; then other connections are served.
    private static let readsPerEvent = 16

    private let io: IOQueue
    private let socket: WatchedSocket
    private let handler: any RequestHandler
    private let peer: String
    private let whenClosed: () -> Void
    private var state: ConnectionState
    /// The responder of the request that is being received.
    private var responder: Responder?
    /// The cancellations of the requests that are being answered; few, so that a list is searched fastest.
    private var cancellations: [(exchange: Int, cancellation: Cancellation)] = []
    /// The bytes of bodies and responses last reported to the I/O queue.
    private var heldBytes = 0
    private let inbox = Mutex(Inbox())

    init(
        _ accepted: AcceptedSocket, io: IOQueue, configuration: ServerConfiguration, handler: any RequestHandler,
        whenClosed: @escaping () -> Void
    ) {
        self.io = io
        self.handler = handler
        self.whenClosed = whenClosed
        peer = accepted.peer
        socket = WatchedSocket(accepted.descriptor, loop: io.loop)
        state = ConnectionState(
            limits: configuration.limits, timeouts: configuration.timeouts, peer: accepted.peer, at: .now())
    }

    /// Whether a response would be lost by closing the connection now.
    var isBusy: Bool { state.hasUnanswered || !state.output.isEmpty }

    /// Starts to serve. With a `refusal`, sends that and closes.
    func start(refusal: HTTPError?) {
        dispatchPrecondition(condition: .onQueue(io.loop.queue))
        if let refusal { state.refuseConnection(refusal, at: .now()) }
        advance()
    }

    /// Checks deadlines.
    func tick() {
        dispatchPrecondition(condition: .onQueue(io.loop.queue))
        let now = Moment.now()
        state.isMemoryShort = io.isMemoryShort
        state.tick(at: now)
        // A broken connection that is not being read is found by asking the socket.
        if state.hasUnanswered, !state.wantsInput, socket.isBroken { state.reset(at: now) }
        advance()
    }

    /// Answers the requests that have arrived, also those not read yet, and closes.
    func drain() {
        // Responses are sent at once: only that makes room to read further pipelined requests.
        readable(sendsAtOnce: true)
        state.drain(at: .now())
        advance()
    }

    /// Closes at once.
    func cut() {
        state.cut(at: .now())
        advance()
    }

    private func readable(sendsAtOnce: Bool = false) {
        dispatchPrecondition(condition: .onQueue(io.loop.queue))
        for _ in 0..<Self.readsPerEvent where state.wantsInput {
            let received = socket.receive(into: &io.scratch)
            let now = Moment.now()
            switch received {
            case .bytes(let count): state.receive(io.scratch[..<count], at: now)
            case .end: state.endOfInput(at: now)
            case .failed: state.reset(at: now)
            case .wouldBlock: return
            }
            advance(at: now, sendsLater: !sendsAtOnce)
            // Fewer bytes than fit the buffer: the socket is empty.
            if case .bytes(let count) = received, count < io.scratch.count { return }
        }
    }

    /// Takes responses, performs actions and sends output until nothing is left to do without a further event.
    /// - Parameter sendsLater: defers sending until the loop has handled its other events, so that a client with many
    ///   connections is woken once for all of them.
    private func advance(at now: Moment = .now(), sendsLater: Bool = false) {
        var now = now
        state.isMemoryShort = io.isMemoryShort
        inbox.withLock { $0.isAttended = true }
        repeat {
            var isBusy = true
            while isBusy {
                isBusy = false
                let replies = takeReplies()
                // A handler may have run for long on this thread.
                if !replies.isEmpty { now = .now() }
                for reply in replies {
                    _ = takeCancellation(of: reply.exchange)
                    state.reply(to: reply.exchange, with: reply.response, at: now)
                    countHeldBytes()
                }
                while let action = state.nextAction(at: now) {
                    perform(action, at: now)
                    isBusy = true
                }
                if !sendsLater, sendOutput(at: now) { isBusy = true }
            }
        } while !leaveInbox()
        countHeldBytes()
        if sendsLater, !state.output.isEmpty { return io.loop.performAfterEvents { [self] in advance() } }
        var interest: EventLoop.Interest = []
        if state.wantsInput { interest.insert(.input) }
        if !state.output.isEmpty { interest.insert(.output) }
        socket.watch(for: interest) { [self] ready in
            if ready.contains(.output) { advance() }
            if ready.contains(.input) { readable() }
        }
    }

    /// Reports to the I/O queue how many bytes the connection holds, and learns whether all connections hold too many.
    private func countHeldBytes() {
        let held = state.heldBytes
        io.hold(held - heldBytes)
        heldBytes = held
        state.isMemoryShort = io.isMemoryShort
    }

    private func takeReplies() -> [(exchange: Int, response: Response)] {
        inbox.withLock { inbox in
            defer { inbox.replies = [] }
            return inbox.replies
        }
    }

    /// - Returns: false if another response has come meanwhile.
    private func leaveInbox() -> Bool {
        inbox.withLock { inbox in
            inbox.isAttended = !inbox.replies.isEmpty
            return !inbox.isAttended
        }
    }

    private func perform(_ action: ConnectionAction, at now: Moment) {
        switch action {
        case .admit(let exchange, let head, let id):
            let admission = handler.admit(head, id: id, peer: peer)
            if case .accept(_, let respond) = admission.decision { responder = respond }
            state.admitted(exchange, admission, at: now)
        case .respond(let exchange, let head, let id, let body, let received):
            let cancellation = Cancellation()
            cancellations.append((exchange, cancellation))
            let request = Request(
                head: head, id: id, body: body, peer: peer, cancellation: cancellation, received: received)
            let context = state.context(of: exchange)
            let ticket = ReplyTicket(
                deliver: { [self] response in post(response, to: exchange) },
                fallback: { [handler] in handler.response(to: .internal, head: head, id: id, context: context) })
            responder?(request) { ticket.use($0) }
            responder = nil
        case .fail(let exchange, let error, let head, let id):
            let response = handler.response(to: error, head: head, id: id, context: state.context(of: exchange))
            state.reply(to: exchange, with: response, at: now)
        case .cancel(let exchange):
            takeCancellation(of: exchange)?.cancel()
        case .finished(let record):
            handler.finished(record)
        case .shutdownSending:
            socket.shutdownSending()
        case .close:
            socket.close()
            whenClosed()
        }
    }

    private func takeCancellation(of exchange: Int) -> Cancellation? {
        cancellations.firstIndex { $0.exchange == exchange }.map { cancellations.remove(at: $0).cancellation }
    }

    private func post(_ response: Response, to exchange: Int) {
        let mustWake = inbox.withLock { inbox in
            inbox.replies.append((exchange, response))
            defer { inbox.isAttended = true }
            return !inbox.isAttended
        }
        if mustWake { io.loop.perform { [self] in advance() } }
    }

    /// - Returns: whether any bytes were sent, or the connection was found broken.
    private func sendOutput(at now: Moment) -> Bool {
        var hasProgressed = false
        while let piece = state.output.next {
            switch socket.send(piece, more: state.output.hasMore) {
            case .bytes(let count): state.wrote(count, at: now)
            case .wouldBlock: return hasProgressed
            case .failed: state.reset(at: now)
            }
            hasProgressed = true
        }
        return hasProgressed
    }
}

/// A connection that was accepted.
struct AcceptedSocket: Sendable {
    let descriptor: Int32
    let peer: String
}
