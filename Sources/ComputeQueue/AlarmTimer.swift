import Dispatch
import Synchronization

/// A timer that is set again and again; each setting replaces the one before.
final class AlarmTimer: Sendable {
    private let source: Mutex<any DispatchSourceTimer>
    /// The longest time until it rings. What is due later sets it again.
    private static let longest = Duration.seconds(3600)

    init(on queue: DispatchQueue) { source = Mutex(DispatchSource.makeTimerSource(queue: queue)) }

    deinit { source.withLock { $0.cancel() } }

    /// Calls `ring` on the queue from now on, whenever the timer has been set.
    func activate(_ ring: @escaping @Sendable () -> Void) {
        source.withLock { source in
            source.setEventHandler(handler: ring)
            source.activate()
        }
    }

    /// Rings after `delay`, at once where that is past, and after an hour at the latest.
    func set(after delay: Duration) {
        let nanoseconds = min(max(.zero, delay), Self.longest) / .nanoseconds(1)
        source.withLock { $0.schedule(deadline: .now() + .nanoseconds(Int(nanoseconds))) }
    }
}
