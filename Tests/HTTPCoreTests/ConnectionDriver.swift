import Clocks
import HTTPTypes

@testable import HTTPCore

/// The owner of a `ConnectionState` in tests: with a clock that tests advance, a network with a send window, and a small
/// service behind a router.
final class ConnectionDriver {
    enum Endpoint { case text(String), echo, item }

    struct Pending {
        var exchange: Int
        var head: RequestHead
        var body: [UInt8]
    }

    var state: ConnectionState
    var now = Moment(instant: Instant.now, unixMilliseconds: 1_700_000_000_123)
    /// All that the client has received.
    var sent: [UInt8] = []
    /// Bytes that can still be sent.
    var sendWindow = Int.max
    var answersAtOnce = true
    var pending: [Pending] = []
    var cancelled: [Int] = []
    var records: [AccessRecord] = []
    var admittedHeads: [RequestHead] = []
    var closed: CloseReason?
    var hasShutDown = false
    var admission: (RequestHead) -> Admission = { _ in .accept(maxBodyBytes: .max, respond: { _, _ in }) }

    private let router: Router<Endpoint>

    init(limits: HTTPLimits = HTTPLimits(), timeouts: HTTPTimeouts = HTTPTimeouts()) throws {
        state = ConnectionState(limits: limits, timeouts: timeouts, peer: "192.0.2.1:1234", at: now)
        router = try Router([
            .init("GET", "/", .text("root")), .init("POST", "/echo", .echo), .init("GET", "/items/{id}", .item),
        ])
    }

    var wantsInput: Bool { state.wantsInput }
    var hasUnanswered: Bool { state.hasUnanswered }
    /// Whether the client would see the end of the connection.
    var endsForClient: Bool { closed != nil || hasShutDown }

    func responses(heads: Set<Int> = []) throws -> [ReceivedResponse] {
        try ReceivedResponse.parse(sent, heads: heads)
    }

    func receive(_ bytes: some Sequence<UInt8>) {
        guard state.wantsInput else { return }
        state.receive(Array(bytes)[...], at: now)
        run()
    }

    func receive(_ text: String) { receive(text.utf8) }

    func endOfInput() {
        state.endOfInput(at: now)
        run()
    }

    func advance(by duration: Duration) {
        now.instant = now.instant.advanced(by: duration)
        state.tick(at: now)
        run()
    }

    func answer(_ exchange: Int, _ text: String) {
        state.reply(to: exchange, with: Response(.ok, contentType: "text/plain", body: Array(text.utf8)), at: now)
        run()
    }

    func run() {
        while true {
            if let action = state.nextAction(at: now) {
                perform(action)
            } else if let piece = state.output.next, sendWindow > 0 {
                let count = min(sendWindow, piece.count)
                sent += piece.prefix(count)
                if sendWindow != .max { sendWindow -= count }
                state.wrote(count, at: now)
            } else {
                return
            }
        }
    }

    private func perform(_ action: ConnectionAction) {
        switch action {
        case .admit(let exchange, let head, _):
            admittedHeads.append(head)
            state.admitted(exchange, admission(head), at: now)
        case .respond(let exchange, let head, let id, let body, _):
            if answersAtOnce {
                state.reply(to: exchange, with: response(to: head, body: body, id: id), at: now)
            } else {
                pending.append(Pending(exchange: exchange, head: head, body: body))
            }
        case .fail(let exchange, let error, _, let id):
            state.reply(to: exchange, with: error.response(requestID: id), at: now)
        case .cancel(let exchange): cancelled.append(exchange)
        case .finished(let record): records.append(record)
        case .shutdownSending: hasShutDown = true
        case .close(let reason): closed = reason
        }
    }

    private func response(to head: RequestHead, body: [UInt8], id: String) -> Response {
        switch router.route(head.method, head.target) {
        case .options(let allow, _, _): return .options(allow: allow)
        case .failed(let error, _): return error.response(requestID: id)
        case .found(let match):
            let body =
                switch match.handler {
                case .text(let text): Array(text.utf8)
                case .echo: body
                case .item: Array((match.parameters["id"] ?? "").utf8)
                }
            return Response(.ok, contentType: "text/plain", body: body)
        }
    }
}
