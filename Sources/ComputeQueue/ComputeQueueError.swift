/// Why a request was not admitted to the queue.
package enum ComputeQueueRefusal: Error, Hashable {
    /// As many requests wait as may wait.
    case full(waiting: Int, limit: Int)
    /// The waiting bytes and the request's own exceed the limit. Where `requested` alone exceeds it, a retry is
    /// useless.
    case bytesFull(waiting: Int, requested: Int, limit: Int)
}

/// Why an admitted request has no outputs.
package enum ComputeQueueError: Error, Hashable {
    /// The deadline passed before the computation began.
    case deadlineExceeded
    /// The caller withdrew the request before the computation began.
    case cancelled
    /// The computation did not return one output per item.
    case outputCount(expected: Int, received: Int)
}
