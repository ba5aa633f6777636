import Clocks
import Synchronization

extension ComputeQueue {
    /// Computes requests until none waits. Runs on the loop's dispatch queue, once at a time.
    func computeWaiting(_ loop: Int) {
        while let (entry, waiting) = takeEntry(loop) {
            let started = now()
            let outputs = outputs(of: entry.payload, waiting, loop)
            finish(entry, outputs: outputs, started: started, ended: now(), loop)
        }
    }

    /// The next entry and how many wait behind it; nil, with the loop marked as idle, where none waits.
    private func takeEntry(_ loop: Int) -> (entry: Decisions.Entry, waiting: Int)? {
        let instant = now()
        return state.withLock { state in
            let (entry, overdue) = state.queue.next(at: instant)
            if entry == nil {
                state.progress[loop] = nil
                state.idleLoops.append(loop)
            } else {
                state.progress[loop] = instant
            }
            leave(overdue, error: .deadlineExceeded, at: instant)
            return entry.map { ($0, state.queue.waitingRequests) }
        }
    }

    /// The outputs of all passes of a request.
    private func outputs(
        of submission: Submission, _ waiting: Int, _ loop: Int
    ) -> Result<[Output], ComputeQueueError> {
        let items = submission.items
        guard items.count > limits.itemsPerPass else { return pass(submission.work, items, waiting) }
        var outputs: [Output] = []
        outputs.reserveCapacity(items.count)
        var waiting = waiting
        for start in stride(from: 0, to: items.count, by: limits.itemsPerPass) {
            let part = Array(items[start..<min(items.count, start + limits.itemsPerPass)])
            switch pass(submission.work, part, waiting) {
            case .success(let computed): outputs += computed
            case .failure(let error): return .failure(error)
            }
            let instant = now()
            waiting = state.withLock { state in
                state.progress[loop] = instant
                return state.queue.waitingRequests
            }
        }
        return .success(outputs)
    }

    private func pass(_ work: Work, _ items: [Item], _ waiting: Int) -> Result<[Output], ComputeQueueError> {
        guard !items.isEmpty else { return .success([]) }
        let started = now()
        let outputs = compute(work, items, waiting)
        observer?.passComputed(work, itemCount: items.count, duration: started.duration(to: now()))
        guard outputs.count == items.count else {
            return .failure(.outputCount(expected: items.count, received: outputs.count))
        }
        return .success(outputs)
    }

    private func finish(
        _ entry: Decisions.Entry, outputs: Result<[Output], ComputeQueueError>, started: Instant, ended: Instant,
        _ loop: Int
    ) {
        let computeDuration = started.duration(to: ended)
        let result = outputs.map { outputs in
            Computed(
                outputs: outputs, queueDuration: entry.enqueued.duration(to: started), computeDuration: computeDuration)
        }
        complete(entry, with: result, leaving: started)
        state.withLock { state in
            state.queue.finish(entry)
            state.serviceTime.record(itemCount: entry.itemCount, duration: computeDuration)
            state.progress[loop] = ended
        }
    }

    /// Reports that a request has left, then calls its completion.
    func complete(
        _ entry: Decisions.Entry, with result: Result<Computed, ComputeQueueError>, leaving instant: Instant
    ) {
        observer?.requestLeft(entry.payload.work, queueDuration: entry.enqueued.duration(to: instant))
        entry.payload.completion(result)
    }
}
