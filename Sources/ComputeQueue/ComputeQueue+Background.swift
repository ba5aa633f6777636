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
            let id = try state.tasks.admit(task, deadline: task.deadline)
            wakeLoop(&state, at: instant)
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
        let progress = entry.task.advance()
        guard case .unfinished = progress else { return }
        state.withLock { $0.tasks.putBack(entry) }
    }
}
