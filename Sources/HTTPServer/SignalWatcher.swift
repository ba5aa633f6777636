import Dispatch

/// Delivers signals as calls, one at a time, on a queue of its own: on a shared one they would wait behind work.
///
/// Dispatch takes a watched signal over from its default action, which for most would end the process. Nothing may
/// change the signal's disposition afterwards, or it is lost.
///
/// `@unchecked Sendable`: the sources are written once, before anybody else sees the watcher, and Dispatch objects
/// take calls from any thread.
package final class SignalWatcher: @unchecked Sendable {
    private let queue = DispatchQueue(label: "signals")
    private let sources: [any DispatchSourceSignal]

    /// Watches until `cancel`; the watcher must be kept. Returns when the signals are taken over.
    package init(_ signals: [Int32], handler: @escaping @Sendable (Int32) -> Void) {
        sources = signals.map { [queue] number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { handler(number) }
            return source
        }
        let registered = DispatchSemaphore(value: 0)
        for source in sources {
            source.setRegistrationHandler { registered.signal() }
            source.activate()
        }
        for _ in sources { registered.wait() }
    }

    /// Stops watching.
    package func cancel() {
        for source in sources { source.cancel() }
    }
}
