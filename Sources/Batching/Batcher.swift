import Clocks
import Dispatch
import Synchronization

/// Requests wait in one bounded queue; whenever a compute loop is free it takes the next.
///
/// No request waits for company. There are as many loops as computations at a time. Completions of
/// what was computed run on its loop, so they must be short; those of requests that leave uncomputed run on a queue of
/// their own. Every admitted request's completion is called exactly once.
package final class Batcher<Lane: Hashable & Sendable, Item: Sendable, Output: Sendable>: Sendable {
    package typealias Completion = @Sendable (Result<BatchResult<Output>, BatchError>) -> Void

    /// - Parameter waiting: requests that the other loops will find, or this one, when they are done.
    package typealias Execute = @Sendable (_ lane: Lane, _ items: [Item], _ waiting: Int) -> [Output]

    struct Request: Sendable {
        let items: [Item]
        let completion: Completion
    }

    typealias Queue = BatchQueueState<Lane, Request, Instant>

    struct State {
        var queue: Queue
        /// The loops with nothing to do, the next to start last.
        var idleLoops: [Int]
        /// When each of the other loops last got on.
        var progress: [Int: Instant] = [:]
        var serviceTime = ServiceTime()
        var whenDrained: [@Sendable () -> Void] = []
    }

    let policy: BatchPolicy
    let execute: Execute
    let observer: (any BatchObserver<Lane>)?
    let now: @Sendable () -> Instant
    let state: Mutex<State>
    private let computeQueues: [DispatchQueue]
    let completionQueue: DispatchQueue

    /// - Parameters:
    ///   - name: what the batcher's queues are called in a debugger.
    ///   - now: the clock; tests bring their own.
    ///   - execute: computes at most `policy.maxBatch` items of one lane, one output per item in the same order.
    package init(
        policy: BatchPolicy, name: String, observer: (any BatchObserver<Lane>)? = nil,
        now: @escaping @Sendable () -> Instant = { .now },
        execute: @escaping Execute
    ) {
        self.policy = policy
        self.observer = observer
        self.now = now
        self.execute = execute
        let loops = 0..<policy.parallelism
        state = Mutex(State(queue: Queue(policy: policy), idleLoops: loops.reversed()))
        computeQueues = loops.map { DispatchQueue(label: "\(name).compute-\($0)") }
        completionQueue = DispatchQueue(label: name + ".completions")
    }

    /// Queues a request as a whole, or refuses it at once.
    /// - Parameters:
    ///   - byteCount: what the request counts against `BatchPolicy.maxQueueBytes`.
    ///   - deadline: from when on the request is dropped instead of computed.
    ///   - completion: called once with the outputs or the reason why there are none, on a queue of the batcher's.
    package func submit(
        lane: Lane, items: [Item], byteCount: Int, deadline: Instant? = nil,
        completion: @escaping Completion
    ) throws(BatchRefusal) -> BatchTicket {
        let enqueued = now()
        let entry = Queue.Entry(
            lane: lane, itemCount: items.count, byteCount: byteCount, enqueued: enqueued, deadline: deadline,
            payload: Request(items: items, completion: completion))
        let id = try state.withLock { state throws(BatchRefusal) in
            let id = try admit(entry, to: &state)
            if let loop = state.idleLoops.popLast() {
                state.progress[loop] = enqueued
                computeQueues[loop].async { self.computeWaiting(loop) }
            }
            return id
        }
        return BatchTicket { self.cancel(id) }
    }

    /// Calls back the requests whose deadline has passed instead of leaving it to the next computation. For a timer of the
    /// caller's: a long computation then does not hold back the news that another request is too late.
    package func expireOverdue() {
        let instant = now()
        state.withLock { state in
            let overdue = state.queue.removeOverdue(at: instant)
            leave(overdue, error: .deadlineExceeded, at: instant, state: &state)
        }
    }

    /// Refuses new requests and calls back, on the batcher's queue, after the last completion of those admitted.
    package func drain(completion: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.queue.drain()
            state.whenDrained.append(completion)
            announceIfDrained(&state)
        }
    }

    package var heartbeat: BatchHeartbeat {
        let slowest = state.withLock { $0.progress.values.min() }
        return BatchHeartbeat(isBusy: slowest != nil, lastProgress: slowest ?? now())
    }

    package var waitingRequests: Int { state.withLock { $0.queue.waitingRequests } }

    package var load: BatchLoad<Lane> {
        state.withLock { state in
            BatchLoad(
                waitingRequests: state.queue.waitingRequests,
                waitingRequestsByLane: state.queue.waitingRequestsByLane, waitingItems: state.queue.waitingItems,
                waitingBytes: state.queue.waitingBytes, requestsInFlight: state.queue.requestsInFlight,
                itemsInFlight: state.queue.itemsInFlight, secondsPerItem: state.serviceTime.secondsPerItem,
                isDraining: state.queue.isDraining)
        }
    }

    /// Whole seconds until what waits and is being computed now should be done, within 1...60.
    package var retryAfterSeconds: Int {
        state.withLock { state in
            state.serviceTime.retryAfterSeconds(
                itemCount: state.queue.waitingItems + state.queue.itemsInFlight, parallelism: policy.parallelism)
        }
    }

    /// Admits an entry; if the queue is full, those too late to be computed give up their places first.
    private func admit(_ entry: Queue.Entry, to state: inout State) throws(BatchRefusal) -> BatchEntryID {
        do {
            return try state.queue.admit(entry)
        } catch {
            let overdue = state.queue.removeOverdue(at: entry.enqueued)
            guard !overdue.isEmpty else { throw error }
            leave(overdue, error: .deadlineExceeded, at: entry.enqueued, state: &state)
            return try state.queue.admit(entry)
        }
    }

    private func cancel(_ id: BatchEntryID) -> Bool {
        let instant = now()
        return state.withLock { state in
            guard let entry = state.queue.cancel(id) else { return false }
            leave([entry], error: .cancelled, at: instant, state: &state)
            return true
        }
    }
}
