import Synchronization

/// Tells the work for a request that its client has disconnected.
package final class Cancellation: Sendable {
    private struct State {
        var isCancelled = false
        var handlers: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether `cancel` has been called.
    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Calls `handler` once: on the thread that cancels, or at once if the request is cancelled already.
    package func onCancel(_ handler: @escaping @Sendable () -> Void) {
        let late = state.withLock { state in
            if !state.isCancelled { state.handlers.append(handler) }
            return state.isCancelled
        }
        if late { handler() }
    }

    /// Cancels; only the first call has an effect.
    package func cancel() {
        let handlers = state.withLock { state in
            state.isCancelled = true
            defer { state.handlers = [] }
            return state.handlers
        }
        for handler in handlers { handler() }
    }
}
