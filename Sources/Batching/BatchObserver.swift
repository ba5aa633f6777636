/// How a request left the queue.
package enum BatchOutcome: Hashable, Sendable {
    case completed
    case failed(BatchError)
}

/// Hears what a batcher does, for metrics. Called from the batcher's own queues, never while its lock is held.
package protocol BatchObserver<Lane>: Sendable {
    associatedtype Lane

    /// A computation of `itemCount` items is done. A request too large for one batch takes several.
    func batchComputed(lane: Lane, itemCount: Int, duration: Duration)

    /// An admitted request left after waiting for `queueDuration`; its completion is called next.
    func requestLeft(lane: Lane, outcome: BatchOutcome, itemCount: Int, queueDuration: Duration)
}
