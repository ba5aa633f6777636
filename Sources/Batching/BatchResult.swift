/// What a request receives when it is computed.
package struct BatchResult<Output: Sendable>: Sendable {
    /// One output per item submitted, in the same order.
    package let outputs: [Output]
    /// From admission until the computation began.
    package let queueDuration: Duration
    /// What all its items took.
    package let computeDuration: Duration
}
