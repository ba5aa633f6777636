import Dispatch
import Foundation
import Logging
import Synchronization

/// Accepts log lines from any thread without blocking it, and writes them to standard error on a queue of its own.
///
/// Up to 1 MiB of lines wait to be written; further ones are dropped and counted. So a slow reader of the log, or a
/// full disk, does not delay the service.
final class LogSink: Sendable {
    static let standardError = LogSink()

    private static let capacity = 1 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isWriting = false
        var isClosed = false
        var format = LogFormat.text
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "log")

    /// Sets the format of the sink's own line with the number of dropped lines.
    func use(_ format: LogFormat) { state.withLock { $0.format = format } }

    /// Queues a line, with its line feed.
    func write(_ line: [UInt8]) {
        let mustStart = state.withLock { state in
            guard !state.isClosed else { return false }
            guard state.waiting.count + line.count <= Self.capacity else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustStart { queue.async { [self] in drain() } }
    }

    /// Stops accepting lines, and waits until the queued ones are written, but at most for `limit`.
    func close(limit: DispatchTimeInterval = .seconds(1)) {
        state.withLock { $0.isClosed = true }
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + limit)
    }

    private func drain() {
        while let bytes = next() {
            try? FileHandle.standardError.write(contentsOf: Data(bytes))
        }
    }

    /// The queued lines, which are removed from the queue; nil where there are none.
    private func next() -> [UInt8]? {
        state.withLock { state in
            var bytes = state.waiting
            if state.dropped > 0 {
                bytes += state.format.line(.warning, "log lines dropped", ["count": logged(state.dropped)])
            }
            state.isWriting = !bytes.isEmpty
            state.waiting = []
            state.dropped = 0
            return bytes.isEmpty ? nil : bytes
        }
    }
}
