import Dispatch
import Synchronization

/// Values that one thread gives and a test waits for, never longer than some seconds.
package final class Mailbox<Value: Sendable>: Sendable {
    package struct Timeout: Error {}

    private let values = Mutex<[Value]>([])
    private let available = DispatchSemaphore(value: 0)

    package func put(_ value: Value) {
        values.withLock { $0.append(value) }
        available.signal()
    }

    package func take() throws -> Value {
        guard available.wait(timeout: .now() + 30) == .success else { throw Timeout() }
        return values.withLock { $0.removeFirst() }
    }

    package init() {}

    package var count: Int { values.withLock { $0.count } }
    package var isEmpty: Bool { count == 0 }
}
