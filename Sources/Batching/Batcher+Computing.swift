import Clocks
import Dispatch
import Synchronization

extension Batcher {
    /// Computes requests until none waits; runs on the loop's queue, once at a time.
    func computeWaiting(_ loop: Int) {
        while let (entry, waiting) = takeEntry(loop) {
            let started = now()
            let outputs = outputs(of: entry, waiting, loop)
            finish(entry, outputs: outputs, started: started, ended: now(), loop)
        }
    }

    private func takeEntry(_ loop: Int) -> (entry: Queue.Entry, waiting: Int)? {
        let instant = now()
        return state.withLock { state in
            let (entry, overdue) = state.queue.next(at: instant)
            if entry == nil {
                state.progress[loop] = nil
                state.idleLoops.append(loop)
            } else {
                state.progress[loop] = instant
            }
            leave(overdue, error: .deadlineExceeded, at: instant, state: &state)
            return entry.map { ($0, state.queue.waitingRequests) }
        }
    }

    /// A request with more items than a batch is computed in several.
    private func outputs(of entry: Queue.Entry, _ waiting: Int, _ loop: Int) -> Result<[Output], BatchError> {
        let items = entry.payload.items
        guard items.count > policy.maxBatch else { return compute(items, entry.lane, waiting) }
        var outputs: [Output] = []
        outputs.reserveCapacity(items.count)
        var waiting = waiting
        for start in stride(from: 0, to: items.count, by: policy.maxBatch) {
            let part = Array(items[start..<min(items.count, start + policy.maxBatch)])
            switch compute(part, entry.lane, waiting) {
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

    private func compute(_ items: [Item], _ lane: Lane, _ waiting: Int) -> Result<[Output], BatchError> {
        guard !items.isEmpty else { return .success([]) }
        let started = now()
        let outputs = execute(lane, items, waiting)
        observer?.batchComputed(lane: lane, itemCount: items.count, duration: started.duration(to: now()))
        guard outputs.count == items.count else {
            return .failure(.outputCount(expected: items.count, received: outputs.count))
        }
        return .success(outputs)
    }

    private func finish(
        _ entry: Queue.Entry, outputs: Result<[Output], BatchError>, started: Instant,
        ended: Instant, _ loop: Int
    ) {
        let computeDuration = started.duration(to: ended)
        let result = outputs.map { outputs in
            BatchResult(
                outputs: outputs, queueDuration: entry.enqueued.duration(to: started), computeDuration: computeDuration)
        }
        complete(entry, with: result, leaving: started)
        state.withLock { state in
            state.queue.finish(entry)
            state.serviceTime.record(itemCount: entry.itemCount, duration: computeDuration)
            state.progress[loop] = ended
            announceIfDrained(&state)
        }
    }
}

extension Batcher {
    /// Calls back entries that leave the queue uncomputed.
    func leave(_ entries: [Queue.Entry], error: BatchError, at instant: Instant, state: inout State) {
        guard !entries.isEmpty else { return }
        completionQueue.async {
            for entry in entries { self.complete(entry, with: .failure(error), leaving: instant) }
        }
        announceIfDrained(&state)
    }

    /// When the state says drained, the completions of all computed requests have returned and those of all others are
    /// on the serial completion queue: what is put there now comes after them.
    func announceIfDrained(_ state: inout State) {
        guard state.queue.isDrained, !state.whenDrained.isEmpty else { return }
        let callbacks = state.whenDrained
        state.whenDrained = []
        completionQueue.async { for callback in callbacks { callback() } }
    }

    private func complete(
        _ entry: Queue.Entry, with result: Result<BatchResult<Output>, BatchError>,
        leaving instant: Instant
    ) {
        let outcome: BatchOutcome =
            switch result {
            case .success: .completed
            case .failure(let error): .failed(error)
            }
        observer?.requestLeft(
            lane: entry.lane, outcome: outcome, itemCount: entry.itemCount,
            queueDuration: entry.enqueued.duration(to: instant))
        entry.payload.completion(result)
    }
}
