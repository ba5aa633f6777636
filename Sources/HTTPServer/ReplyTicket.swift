import HTTPCore
import Synchronization

/// Delivers the response to one request, once: further responses are ignored. A ticket that is released unused delivers
/// the fallback, so that every client gets a response.
final class ReplyTicket: Sendable {
    private let isUsed = Atomic(false)
    private let deliver: @Sendable (Response) -> Void
    private let fallback: @Sendable () -> Response

    init(deliver: @escaping @Sendable (Response) -> Void, fallback: @escaping @Sendable () -> Response) {
        self.deliver = deliver
        self.fallback = fallback
    }

    func use(_ response: Response) {
        if !isUsed.exchange(true, ordering: .relaxed) { deliver(response) }
    }

    deinit {
        if !isUsed.load(ordering: .relaxed) { deliver(fallback()) }
    }
}
