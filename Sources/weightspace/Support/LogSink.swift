import Dispatch
import Foundation
import Logging
import Synchronization

/// Takes log lines from any thread without blocking it, and writes them to standard error on a queue of its own.
///
/// Whatever reads the log may be slow, or its disk full. The service does not wait for it: up to 1 MiB of lines is kept,
/// further ones are dropped and counted.
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

    /// The form of the sink's own line about dropped ones.
    func use(_ format: LogFormat) { state.withLock { $0.format = format } }

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

    /// Takes no further lines, and waits until all that came before are written, but at most for `limit`.
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
