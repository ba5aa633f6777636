import ComputeQueue
import Dispatch
import Synchronization

/// Serial queues for work that would hold up an event loop: reading large bodies, drawing, writing large answers.
final class WorkerQueues: Sendable {
    private let queues: [DispatchQueue]
    private let limit: Int
    private let next = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)

    /// - Parameter limit: how much may wait to be begun.
    init(count: Int, limit: Int) {
        queues = (0..<max(1, count)).map { DispatchQueue(label: "requests-\($0)") }
        self.limit = limit
    }

    /// `queue_full` where no further work may wait.
    func refusal() -> ServiceFault? {
        let waiting = waiting.load(ordering: .relaxed)
        guard waiting >= limit else { return nil }
        return ServiceFault(ComputeQueueRefusal.full(waiting: waiting, limit: limit), retryAfter: 1)
    }

    /// Queues a request's work, or refuses it.
    func submit(_ work: @escaping @Sendable () -> Void) throws(ServiceFault) {
        if let fault = refusal() { throw fault }
        run(work)
    }

    /// Queues work that must be done, such as the answer to what has been computed.
    func run(_ work: @escaping @Sendable () -> Void) {
        let turn = UInt(bitPattern: next.wrappingAdd(1, ordering: .relaxed).oldValue)
        waiting.add(1, ordering: .relaxed)
        queues[Int(turn % UInt(queues.count))].async { [self] in
            waiting.subtract(1, ordering: .relaxed)
            work()
        }
    }
}
