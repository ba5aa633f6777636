/// Is told what a queue does, for metrics. Called on the queue's own threads, never while its lock is held.
package protocol ComputeQueueObserver<Work>: Sendable {
    associatedtype Work

    /// A pass over `itemCount` items has been computed. A request of more items than fit in one pass takes several.
    func passComputed(_ work: Work, itemCount: Int, duration: Duration)

    /// An admitted request left the queue after waiting for `queueDuration`, computed or not; its completion is called
    /// next.
    func requestLeft(_ work: Work, queueDuration: Duration)
}
