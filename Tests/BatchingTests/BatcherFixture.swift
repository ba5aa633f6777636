import Batching
import Clocks
import Dispatch
import Synchronization
import Testing

/// Time that passes only when told to.
final class FakeClock: Sendable {
    private let instant = Mutex(Instant.now)

    var now: Instant { instant.withLock { $0 } }
    func advance(by duration: Duration) { instant.withLock { $0 += duration } }
}

/// A door the computation waits behind until the test opens it.
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
    let lane: String
    let outcome: BatchOutcome
    let itemCount: Int
    let queueDuration: Duration
}

struct JournalObserver: BatchObserver {
    let batches = Journal<Int>()
    let departures = Journal<ObservedDeparture>()

    func batchComputed(lane: String, itemCount: Int, duration: Duration) { batches.append(itemCount) }

    func requestLeft(lane: String, outcome: BatchOutcome, itemCount: Int, queueDuration: Duration) {
        departures.append(
            ObservedDeparture(lane: lane, outcome: outcome, itemCount: itemCount, queueDuration: queueDuration))
    }
}

typealias TestBatcher = Batcher<String, Int, Int>
typealias Outcome = Result<BatchResult<Int>, BatchError>

func policy(
    maxBatch: Int = 4, maxQueue: Int = 64, maxQueueBytes: Int = 1 << 20, parallelism: Int = 1
) throws -> BatchPolicy {
    try BatchPolicy(maxBatch: maxBatch, maxQueue: maxQueue, maxQueueBytes: maxQueueBytes, parallelism: parallelism)
}

extension Result where Failure == BatchError {
    var error: BatchError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
