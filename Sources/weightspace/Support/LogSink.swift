import Dispatch
import Foundation
import Synchronization

/// Takes log lines from any thread without ever blocking it, and writes them to standard error from a queue of its own.
///
/// Who reads a log may be slow, and a disk may be full: the service goes on, and what found no room is counted.
final class LogSink: Sendable {
    static let standardError = LogSink()

    private static let capacity = 1 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isWriting = false
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "log")

    func write(_ line: [UInt8]) {
        let mustStart = state.withLock { state in
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

    /// Waits until everything so far is written, at most for `limit`.
    func flush(limit: DispatchTimeInterval = .seconds(1)) {
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
            if state.dropped > 0 { bytes += Array("\(state.dropped) log lines dropped\n".utf8) }
            state.isWriting = !bytes.isEmpty
            state.waiting = []
            state.dropped = 0
            return bytes.isEmpty ? nil : bytes
        }
    }
}
