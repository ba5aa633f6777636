/// How much is computed at a time and how much may wait.
package struct BatchPolicy: Hashable, Sendable {
    /// The most items one computation receives.
    package let maxBatch: Int
    /// The most requests that wait; those being computed no longer count.
    package let maxQueue: Int
    /// The most bytes the waiting requests hold together.
    package let maxQueueBytes: Int
    /// Requests that are computed at a time.
    package let parallelism: Int

    package init(
        maxBatch: Int, maxQueue: Int, maxQueueBytes: Int, parallelism: Int = 1
    ) throws(BatchPolicyError) {
        guard maxBatch >= 1 else { throw .belowOne(limit: "maxBatch", received: maxBatch) }
        guard maxQueue >= 1 else { throw .belowOne(limit: "maxQueue", received: maxQueue) }
        guard maxQueueBytes >= 1 else { throw .belowOne(limit: "maxQueueBytes", received: maxQueueBytes) }
        guard parallelism >= 1 else { throw .belowOne(limit: "parallelism", received: parallelism) }
        self.maxBatch = maxBatch
        self.maxQueue = maxQueue
        self.maxQueueBytes = maxQueueBytes
        self.parallelism = parallelism
    }
}

package enum BatchPolicyError: Error, Hashable {
    /// A limit that would let nothing through.
    case belowOne(limit: String, received: Int)
}
