import HTTPCore
import Synchronization

/// The right to answer one request once. Letting go of it unused answers too, so no client waits for ever.
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
