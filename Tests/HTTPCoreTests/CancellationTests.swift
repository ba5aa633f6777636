import Synchronization
import Testing

@testable import HTTPCore

@Suite("Cancellation")
struct CancellationTests {
    @Test("calls each handler once, whether it was added before or after")
    func handlers() {
        let calls = Mutex<[String]>([])
        let cancellation = Cancellation()
        cancellation.onCancel { calls.withLock { $0.append("early") } }
        #expect(!cancellation.isCancelled)
        cancellation.cancel()
        cancellation.cancel()
        #expect(cancellation.isCancelled)
        cancellation.onCancel { calls.withLock { $0.append("late") } }
        #expect(calls.withLock { $0 } == ["early", "late"])
    }

    @Test("lets a handler look at the cancellation itself")
    func reentrancy() {
        let cancellation = Cancellation()
        let seen = Atomic(false)
        cancellation.onCancel { [weak cancellation] in
            seen.store(cancellation?.isCancelled == true, ordering: .relaxed)
        }
        cancellation.cancel()
        let wasSeen = seen.load(ordering: .relaxed)
        #expect(wasSeen)
    }
}
