import Clocks
import HTTPCore
import HTTPTypes
import Tensors

/// A connection whose client, network and handler act as a generator seeded with the input's first eight bytes decides.
/// Every request must end in exactly one record, and the connection must close.
enum ConnectionTarget {
    static func check(_ bytes: [UInt8]) throws -> Bool {
        let seed = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        var owner = Owner(RandomSource(seed: seed))
        var rest = bytes.dropFirst(8)
        while !rest.isEmpty, owner.closed == nil {
            if owner.state.wantsInput {
                let piece = rest.prefix(1 + owner.choice(64))
                rest = rest.dropFirst(piece.count)
                owner.state.receive(piece, at: owner.now)
                try owner.run()
            }
            try owner.happening()
        }
        try owner.finish()
        return owner.sent.starts(with: "HTTP/1.1 200".utf8)
    }

    private struct Owner: ~Copyable {
        var state: ConnectionState
        var now = Moment(instant: start, unixMilliseconds: 1_700_000_000_000)
        var source: RandomSource
        var unanswered: [Int] = []
        var exchanges: Set<Int> = []
        var records = 0
        var sent: [UInt8] = []
        var closed: CloseReason?

        private static let start = Instant.now

        init(_ source: RandomSource) {
            self.source = source
            var limits = HTTPLimits()
            limits.maxBodyBytes = 256
            limits.maxPipelined = 4
            limits.maxPipelinedBytes = 128
            limits.maxRequestsPerConnection = 12
            limits.maxDiscardedBytes = 64
            limits.maxLingerBytes = 512
            state = ConnectionState(limits: limits, timeouts: HTTPTimeouts(), peer: "fuzz", at: now)
        }

        mutating func choice(_ count: Int) -> Int { Int(source.next() % UInt64(count)) }

        /// One event other than bytes from the client, or none.
        mutating func happening() throws {
            switch choice(12) {
            case 0, 1: if !unanswered.isEmpty { answer(unanswered.remove(at: choice(unanswered.count))) }
            case 2: pass(.milliseconds(choice(8000)))
            case 3: if choice(8) == 0 { state.endOfInput(at: now) }
            case 4: if choice(16) == 0 { state.reset(at: now) }
            case 5: if choice(16) == 0 { state.drain(at: now) }
            case 6: if choice(32) == 0 { state.cut(at: now) }
            case 7: answer(choice(20))
            default: break
            }
            try run()
        }

        mutating func pass(_ duration: Duration) {
            now.instant = now.instant.advanced(by: duration)
            state.tick(at: now)
        }

        mutating func answer(_ exchange: Int) {
            state.reply(to: exchange, with: response(), at: now)
        }

        private mutating func response() -> Response {
            let statuses: [HTTPResponse.Status] = [.ok, .noContent, .notModified, .internalServerError]
            var response = Response(
                statuses[choice(4)], contentType: "text/plain", body: [UInt8](repeating: 97, count: choice(300)))
            response.closesConnection = choice(8) == 0
            return response
        }

        /// Performs the actions that the state asks for and sends some of its output.
        mutating func run() throws {
            for _ in 0..<1000 {
                if let action = state.nextAction(at: now) {
                    try perform(action)
                } else if let piece = state.output.next, choice(6) > 0 {
                    let count = min(piece.count, 1 + choice(200))
                    sent += piece.prefix(count)
                    state.wrote(count, at: now)
                } else {
                    return
                }
            }
            throw FuzzTarget.Violation("1000 steps without an end")
        }

        private mutating func perform(_ action: ConnectionAction) throws {
            try require(closed == nil, "\(action) after the end")
            switch action {
            case .admit(let exchange, _, _):
                try require(exchanges.insert(exchange).inserted, "exchange \(exchange) was admitted twice")
                let admission: Admission =
                    choice(4) == 0
                    ? .refuse(response()) : .accept(maxBodyBytes: choice(400), respond: { _, _ in })
                state.admitted(exchange, admission, at: now)
            case .respond(let exchange, _, _, let body, _):
                try require(body.count <= 256, "a body of \(body.count) bytes")
                if choice(2) == 0 { answer(exchange) } else { unanswered.append(exchange) }
            case .fail(let exchange, let error, _, let id):
                exchanges.insert(exchange)
                state.reply(to: exchange, with: error.response(requestID: id), at: now)
            case .cancel(let exchange):
                try require(exchanges.contains(exchange), "exchange \(exchange) was cancelled and never begun")
                unanswered.removeAll { $0 == exchange }
            case .finished: records += 1
            case .shutdownSending: break
            case .close(let reason): closed = reason
            }
        }

        /// The client has nothing more to say; every answer is given, and time passes.
        mutating func finish() throws {
            if choice(2) == 0 { state.endOfInput(at: now) }
            try run()
            for _ in 0..<40 where closed == nil {
                while !unanswered.isEmpty { answer(unanswered.removeFirst()) }
                try run()
                if state.output.isEmpty || choice(3) == 0 { pass(.seconds(20)) }
                try run()
            }
            try require(closed != nil && state.isClosed, "still open after all answers and timeouts")
            try require(records == exchanges.count, "\(records) records of \(exchanges.count) exchanges")
            // Less than its first line may have gone before the client did.
            try require(sent.prefix(9).elementsEqual("HTTP/1.1 ".utf8.prefix(sent.count)), "output that is no response")
        }
    }
}
