import Dispatch

/// Calls a handler for signals, one at a time, on a queue of its own, so that none waits behind other work.
///
/// Dispatch replaces the default action of a watched signal, which for most signals ends the process. The signal's
/// disposition must not be changed afterwards, or the watcher gets no more signals.
///
/// `@unchecked Sendable`: the sources are set once in `init`, and Dispatch objects may be used from any thread.
package final class SignalWatcher: @unchecked Sendable {
    private let queue = DispatchQueue(label: "signals")
    private let sources: [any DispatchSourceSignal]

    /// Watches until `cancel` is called or the watcher is released. When `init` returns, the signals are watched.
    /// - Parameters:
    ///   - signals: their numbers.
    ///   - handler: gets the number of the signal that arrived.
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
