/// What one request receives of a computed batch.
package struct BatchResult<Output: Sendable>: Sendable {
    /// One output per item submitted, in the same order.
    package let outputs: [Output]
    /// From admission until the computation began.
    package let queueDuration: Duration
    /// What the whole batch took.
    package let computeDuration: Duration
    /// Items computed together, other requests' included.
    package let batchSize: Int
}
