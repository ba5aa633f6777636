import Clocks
import ComputeQueue
import Dispatch
import Synchronization
import Testing

/// Time that passes only when told to.
final class FakeClock: Sendable {
    private let instant = Mutex(Instant.now)

    var now: Instant { instant.withLock { $0 } }
    func advance(by duration: Duration) { instant.withLock { $0 += duration } }
}

/// Blocks the computation until the test opens it.
final class Gate: Sendable {
    private let entered = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)

    /// Called by the computation.
    func pass() {
        entered.signal()
        opened.wait()
    }

    /// Waits until the computation stands at the gate.
    func awaitArrival() throws { try #require(entered.wait(timeout: .now() + 20) == .success) }
    func open(times: Int = 1) { for _ in 0..<times { opened.signal() } }
}

/// Collects what completions and computations report, and waits for a number of them.
final class Journal<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func append(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    var all: [Value] { values.withLock { $0 } }

    /// Waits for `count` values more than were waited for so far.
    @discardableResult func wait(for count: Int) throws -> [Value] {
        for _ in 0..<count { try #require(arrived.wait(timeout: .now() + 20) == .success) }
        return all
    }
}

struct ObservedDeparture: Hashable, Sendable {
    let work: String
    let queueDuration: Duration
}

struct JournalObserver: ComputeQueueObserver {
    let passes = Journal<Int>()
    let departures = Journal<ObservedDeparture>()

    func passComputed(_ work: String, itemCount: Int, duration: Duration) { passes.append(itemCount) }

    func requestLeft(_ work: String, queueDuration: Duration) {
        departures.append(ObservedDeparture(work: work, queueDuration: queueDuration))
    }
}

typealias TestQueue = ComputeQueue<String, Int, Int>
typealias Outcome = Result<TestQueue.Computed, ComputeQueueError>

func limits(
    itemsPerPass: Int = 4, maxWaiting: Int = 64, maxWaitingBytes: Int = 1 << 20, parallelism: Int = 1
) throws -> ComputeQueueLimits {
    try ComputeQueueLimits(
        itemsPerPass: itemsPerPass, maxWaiting: maxWaiting, maxWaitingBytes: maxWaitingBytes, parallelism: parallelism)
}

extension Result where Failure == ComputeQueueError {
    var error: ComputeQueueError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
