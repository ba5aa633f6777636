import Clocks
import Dispatch
import Synchronization

extension ComputeQueue {
    /// Queues a task that is computed in slices between the requests.
    /// - Throws: `full` where a quarter of `ComputeQueueLimits.maxWaiting` tasks wait already.
    package func submit(_ task: BackgroundTask) throws(ComputeQueueRefusal) -> Ticket {
        let instant = now()
        let id = try state.withLock { state throws(ComputeQueueRefusal) in
            leave(state.tasks.removeOverdue(at: instant), error: .deadlineExceeded)
            let id = try state.tasks.admit(task, price: task.price, deadline: task.deadline)
            wakeLoop(&state, at: instant)
            watch(task.deadline, &state, at: instant)
            return id
        }
        return Ticket { self.cancelTask(id) }
    }

    /// Background tasks that wait for their first or their next slice.
    package var waitingTasks: Int { state.withLock { $0.tasks.waiting.count } }

    private func cancelTask(_ id: ComputeQueueEntryID) -> Bool {
        state.withLock { state in
            guard let entry = state.tasks.cancel(id) else { return false }
            leave([entry], error: .cancelled)
            return true
        }
    }

    /// Schedules that tasks are told that they leave.
    func leave(_ entries: [BackgroundTasks<BackgroundTask, Instant>.Entry], error: ComputeQueueError) {
        guard !entries.isEmpty else { return }
        completionQueue.async { for entry in entries { entry.task.leave(error) } }
    }

    /// Computes a slice, and puts the task back where it needs further ones.
    func computeSlice(_ entry: BackgroundTasks<BackgroundTask, Instant>.Entry) {
        let started = now()
        let progress = entry.task.advance()
        var entry = entry
        let ended = now()
        entry.spent += started.duration(to: ended)
        state.withLock { state in
            switch progress {
            case .unfinished:
                state.tasks.putBack(entry)
                watch(entry.deadline, &state, at: ended)
            case .abandoned: state.tasks.end(entry)
            case .complete:
                state.tasks.end(entry)
                state.taskTime.record(itemCount: entry.price, duration: entry.spent)
            }
        }
    }

    /// Estimated whole seconds until the background tasks, and what waits or is computed beside them, are done, clamped to
    /// 1...60.
    package var taskRetryAfterSeconds: Int {
        state.withLock { ServiceTime.wholeSeconds(requestSeconds($0) + taskSeconds($0)) }
    }

    /// Until the requests that wait or are being computed are done, without background tasks.
    func requestSeconds(_ state: State) -> Double {
        state.serviceTime.seconds(
            itemCount: state.queue.waitingItems + state.queue.itemsInFlight, parallelism: limits.parallelism)
    }

    /// Until the background tasks are done, without requests.
    func taskSeconds(_ state: State) -> Double {
        state.taskTime.seconds(itemCount: state.tasks.remainingPrice, parallelism: limits.parallelism)
    }
}
