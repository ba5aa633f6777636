/// How much is computed at a time and how much may wait.
package struct ComputeQueueLimits: Hashable, Sendable {
    /// A limit below 1, which would admit or compute nothing.
    package struct Invalid: Error, Hashable {
        package let name: String
        package let received: Int
    }

    /// The most items of one request that are computed in one pass.
    package let itemsPerPass: Int
    /// The most requests that wait; those being computed do not count.
    package let maxWaiting: Int
    /// The most bytes that the waiting requests hold together.
    package let maxWaitingBytes: Int
    /// Requests that are computed concurrently.
    package let parallelism: Int

    /// - Throws: `Invalid` for the first limit below 1.
    package init(
        itemsPerPass: Int, maxWaiting: Int, maxWaitingBytes: Int, parallelism: Int = 1
    ) throws(Invalid) {
        let limits = [
            ("itemsPerPass", itemsPerPass), ("maxWaiting", maxWaiting), ("maxWaitingBytes", maxWaitingBytes),
            ("parallelism", parallelism),
        ]
        if let (name, received) = limits.first(where: { $0.1 < 1 }) { throw Invalid(name: name, received: received) }
        self.itemsPerPass = itemsPerPass
        self.maxWaiting = maxWaiting
        self.maxWaitingBytes = maxWaitingBytes
        self.parallelism = parallelism
    }
}
