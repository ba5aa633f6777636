/// Why a request was not let into the queue.
package enum BatchRefusal: Error, Hashable {
    /// As many requests wait as may wait.
    case queueFull(waiting: Int, limit: Int)
    /// The waiting bytes and the request's own exceed the limit. Where `requested` alone does, waiting will not help.
    case queueBytesFull(waiting: Int, requested: Int, limit: Int)
    /// No new work is taken: the queue is being emptied.
    case draining
}

/// Why an admitted request has no outputs.
package enum BatchError: Error, Hashable {
    /// The deadline passed before the computation began.
    case deadlineExceeded
    /// The caller withdrew the request before the computation began.
    case cancelled
    /// The computation did not return one output per item.
    case outputCount(expected: Int, received: Int)
}
