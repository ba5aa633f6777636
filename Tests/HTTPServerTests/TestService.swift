import Dispatch
import HTTPTypes
import TestSupport

@testable import HTTPCore

/// A service for tests: `/held` is answered when the test does it, `/dropped` never, `/later` from another thread.
/// `/standstill` blocks its event loop until the test signals `standstill`. Other paths are answered at once.
final class TestService: RequestHandler {
    struct Held: Sendable {
        let request: Request
        let reply: @Sendable (Response) -> Void

        func answer(_ text: String) { reply(TestService.text(text)) }
    }

    enum Endpoint { case root, echo, size, held, dropped, later, standstill }

    let held = Mailbox<Held>()
    let records = Mailbox<AccessRecord>()
    /// Ends the block by `/standstill`.
    let standstill = DispatchSemaphore(value: 0)
    private let router: Router<Endpoint>
    private let maxBodyBytes: Int

    init(maxBodyBytes: Int = .max) throws {
        self.maxBodyBytes = maxBodyBytes
        router = try Router([
            .init("GET", "/", .root), .init("POST", "/echo", .echo), .init("GET", "/size/{bytes}", .size),
            .init("GET", "/held", .held), .init("POST", "/held", .held), .init("GET", "/dropped", .dropped),
            .init("GET", "/later", .later), .init("GET", "/standstill", .standstill),
        ])
    }

    static func text(_ text: String) -> Response {
        Response(.ok, contentType: "text/plain", body: Array(text.utf8))
    }

    /// Bytes that differ from block to block, so that lost or swapped ones show.
    static func pattern(_ size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        while bytes.count < size {
            let block = UInt8(truncatingIfNeeded: bytes.count / 1000)
            bytes += [UInt8](repeating: block, count: min(1000, size - bytes.count))
        }
        return bytes
    }

    func admit(_ head: RequestHead, id: String, peer: String) -> Admission {
        .accept(maxBodyBytes: maxBodyBytes, respond: respond)
    }

    @Sendable private func respond(to request: Request, reply: @escaping @Sendable (Response) -> Void) {
        switch router.route(request.head.method, request.head.target) {
        case .options(let allow, _, _): reply(.options(allow: allow))
        case .failed(let error, _): reply(error.response(requestID: request.id))
        case .found(let match):
            switch match.handler {
            case .root: reply(Self.text("root"))
            case .echo: reply(Response(.ok, contentType: "text/plain", body: request.body))
            case .size:
                let size = match.parameters["bytes"].flatMap { Int($0) } ?? 0
                reply(Response(.ok, body: Self.pattern(size)))
            case .held: held.put(Held(request: request, reply: reply))
            case .dropped: break
            case .standstill:
                held.put(Held(request: request, reply: reply))
                standstill.wait()
                reply(Self.text("at last"))
            case .later: DispatchQueue.global().async { reply(Self.text("later")) }
            }
        }
    }

    func response(to error: HTTPError, head: RequestHead?, id: String, context: (any RequestContext)?) -> Response {
        error.response(requestID: id)
    }

    func finished(_ record: AccessRecord) { records.put(record) }
}
