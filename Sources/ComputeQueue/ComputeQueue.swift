import Clocks
import Dispatch
import Synchronization

/// A bounded queue of requests in front of a fixed number of compute loops; a free loop takes the oldest request.
///
/// A request is computed by one loop, in passes of at most `ComputeQueueLimits.itemsPerPass` items. Requests are not
/// merged. Between them background tasks are computed, in slices. Every admitted request's completion is called exactly once: of a computed request on its compute loop, so
/// it must be short; of a request that leaves uncomputed on a separate serial queue.
package final class ComputeQueue<Work: Sendable, Item: Sendable, Output: Sendable>: Sendable {
    /// Receives the outputs or the reason why there are none; called once.
    package typealias Completion = @Sendable (Result<Computed, ComputeQueueError>) -> Void

    /// Computes one pass of a request: one output per item, in the same order.
    /// - Parameters:
    ///   - work: what to compute of the items.
    ///   - waiting: requests that wait at the start of the pass.
    package typealias Compute = @Sendable (_ work: Work, _ items: [Item], _ waiting: Int) -> [Output]

    /// What a computed request's completion receives.
    package struct Computed: Sendable {
        /// One output per item submitted, in the same order.
        package let outputs: [Output]
        /// From admission until the computation began.
        package let queueDuration: Duration
        /// Of all passes.
        package let computeDuration: Duration
    }

    /// A submitted request, for its caller.
    package struct Ticket: Sendable {
        let withdraw: @Sendable () -> Bool

        /// Withdraws the request if it still waits: its place and bytes are free at once and its completion receives
        /// `ComputeQueueError.cancelled`. A request that is being computed or has left is not affected.
        /// - Returns: whether this call withdrew the request.
        @discardableResult package func cancel() -> Bool { withdraw() }
    }

    struct Submission: Sendable {
        let work: Work
        let items: [Item]
        let completion: Completion
    }

    typealias Decisions = ComputeQueueState<Submission, Instant>

    struct State {
        var queue: Decisions
        var tasks: BackgroundTasks<BackgroundTask, Instant>
        /// The loops without work; the last is started next.
        var idleLoops: [Int]
        /// When each of the other loops last made progress.
        var progress: [Int: Instant] = [:]
        var serviceTime = ServiceTime()
        /// Of background tasks, for each unit of their price.
        var taskTime = ServiceTime()
        /// When the timer rings next; nil where it is not set.
        var alarm: Instant?
    }

    let limits: ComputeQueueLimits
    let compute: Compute
    let observer: (any ComputeQueueObserver<Work>)?
    let now: @Sendable () -> Instant
    let state: Mutex<State>
    private let loopQueues: [DispatchQueue]
    let completionQueue: DispatchQueue
    private let timer: AlarmTimer

    /// - Parameters:
    ///   - name: prefix of the dispatch queues' labels.
    ///   - now: the clock; replaced in tests.
    ///   - compute: computes one pass.
    package init(
        limits: ComputeQueueLimits, name: String, observer: (any ComputeQueueObserver<Work>)? = nil,
        now: @escaping @Sendable () -> Instant = { .now }, compute: @escaping Compute
    ) {
        self.limits = limits
        self.observer = observer
        self.now = now
        self.compute = compute
        let loops = 0..<limits.parallelism
        state = Mutex(
            State(
                queue: Decisions(limits: limits), tasks: BackgroundTasks(limit: max(1, limits.maxWaiting / 4)),
                idleLoops: loops.reversed()))
        loopQueues = loops.map { DispatchQueue(label: "\(name).compute-\($0)") }
        completionQueue = DispatchQueue(label: name + ".completions")
        timer = AlarmTimer(on: completionQueue)
        timer.activate { [weak self] in self?.ring() }
    }

    /// Queues a request as a whole, or refuses it at once.
    /// - Parameters:
    ///   - byteCount: what the request counts against `ComputeQueueLimits.maxWaitingBytes`.
    ///   - deadline: from when on the request is dropped instead of computed.
    ///   - completion: called once, with the outputs or the reason why there are none.
    package func submit(
        _ work: Work, _ items: [Item], byteCount: Int, deadline: Instant? = nil, completion: @escaping Completion
    ) throws(ComputeQueueRefusal) -> Ticket {
        let enqueued = now()
        let entry = Decisions.Entry(
            itemCount: items.count, byteCount: byteCount, enqueued: enqueued, deadline: deadline,
            payload: Submission(work: work, items: items, completion: completion))
        let id = try state.withLock { state throws(ComputeQueueRefusal) in
            let id = try admit(entry, to: &state)
            wakeLoop(&state, at: enqueued)
            watch(deadline, &state, at: enqueued)
            return id
        }
        return Ticket { self.cancel(id) }
    }

    /// Starts a loop that is without work, if there is one.
    func wakeLoop(_ state: inout State, at instant: Instant) {
        guard let loop = state.idleLoops.popLast() else { return }
        state.progress[loop] = instant
        loopQueues[loop].async { self.computeWaiting(loop) }
    }

    /// Drops the requests and tasks whose deadline has passed. The queue does so itself when one passes, so that the
    /// completions need not wait for the end of the running computations; tests with a clock of their own call it.
    func expireOverdue() {
        let instant = now()
        state.withLock { expireOverdue(&$0, at: instant) }
    }

    private func expireOverdue(_ state: inout State, at instant: Instant) {
        leave(state.queue.removeOverdue(at: instant), error: .deadlineExceeded, at: instant)
        leave(state.tasks.removeOverdue(at: instant), error: .deadlineExceeded)
    }

    /// Sets the timer, unless it rings before `deadline` anyway. The timer of a queue without deadlines is never set. It does
    /// not count the time that the machine sleeps, so that after a sleep it rings late.
    func watch(_ deadline: Instant?, _ state: inout State, at instant: Instant) {
        guard let deadline, state.alarm.map({ deadline < $0 }) ?? true else { return }
        state.alarm = deadline
        timer.set(after: deadline - instant)
    }

    private func ring() {
        let instant = now()
        state.withLock { state in
            state.alarm = nil
            expireOverdue(&state, at: instant)
            let next = [state.queue.earliestDeadline, state.tasks.earliestDeadline].compactMap { $0 }.min()
            watch(next, &state, at: instant)
        }
    }

    /// The least recent progress of the busy loops.
    package var heartbeat: ComputeQueueHeartbeat {
        let slowest = state.withLock { $0.progress.values.min() }
        return ComputeQueueHeartbeat(isBusy: slowest != nil, lastProgress: slowest ?? now())
    }

    /// Requests that wait; those being computed do not count.
    package var waitingRequests: Int { state.withLock { $0.queue.waitingRequests } }

    /// The work of each waiting request, in no particular order.
    package var waitingWork: [Work] { state.withLock { $0.queue.waitingPayloads.map(\.work) } }

    /// Estimated whole seconds until the requests that wait or are being computed are done, clamped to 1...60. While
    /// background tasks last, every second turn is theirs.
    package var retryAfterSeconds: Int {
        state.withLock { state in
            let requests = requestSeconds(state)
            return ServiceTime.wholeSeconds(requests + min(requests, taskSeconds(state)))
        }
    }

    /// Admits an entry. If the queue is full, requests whose deadline has passed are dropped first.
    private func admit(
        _ entry: Decisions.Entry, to state: inout State
    ) throws(ComputeQueueRefusal) -> ComputeQueueEntryID {
        do {
            return try state.queue.admit(entry)
        } catch {
            let overdue = state.queue.removeOverdue(at: entry.enqueued)
            guard !overdue.isEmpty else { throw error }
            leave(overdue, error: .deadlineExceeded, at: entry.enqueued)
            return try state.queue.admit(entry)
        }
    }

    private func cancel(_ id: ComputeQueueEntryID) -> Bool {
        let instant = now()
        return state.withLock { state in
            guard let entry = state.queue.cancel(id) else { return false }
            leave([entry], error: .cancelled, at: instant)
            return true
        }
    }

    /// Schedules the completions of requests that leave uncomputed.
    func leave(_ entries: [Decisions.Entry], error: ComputeQueueError, at instant: Instant) {
        guard !entries.isEmpty else { return }
        completionQueue.async {
            for entry in entries { self.complete(entry, with: .failure(error), leaving: instant) }
        }
    }
}
