import Clocks
import Synchronization

extension ComputeQueue {
    /// What a loop computes next.
    private enum Turn {
        /// A request, and how many wait behind it.
        case request(Decisions.Entry, waiting: Int)
        case slice(BackgroundTasks<BackgroundTask, Instant>.Entry)
    }

    /// Computes requests and slices until none waits. Runs on the loop's dispatch queue, once at a time.
    func computeWaiting(_ loop: Int) {
        while let turn = takeTurn(loop) {
            switch turn {
            case .request(let entry, let waiting):
                let started = now()
                let outputs = outputs(of: entry.payload, waiting, loop)
                finish(entry, outputs: outputs, started: started, ended: now(), loop)
            case .slice(let entry): computeSlice(entry)
            }
        }
    }

    /// What is to be computed next; nil, with the loop marked as idle, where nothing waits.
    private func takeTurn(_ loop: Int) -> Turn? {
        let instant = now()
        return state.withLock { state in
            leave(state.tasks.removeOverdue(at: instant), error: .deadlineExceeded)
            state.progress[loop] = instant
            if let task = state.tasks.next(requestsWait: state.queue.waitingRequests > 0) { return .slice(task) }
            let (entry, overdue) = state.queue.next(at: instant)
            leave(overdue, error: .deadlineExceeded, at: instant)
            if let entry { return .request(entry, waiting: state.queue.waitingRequests) }
            if let task = state.tasks.next(requestsWait: false) { return .slice(task) }
            state.progress[loop] = nil
            state.idleLoops.append(loop)
            return nil
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
