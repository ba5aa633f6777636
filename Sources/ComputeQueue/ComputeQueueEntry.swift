/// One waiting request, as the queue's decisions see it.
package struct ComputeQueueEntry<Payload, Instant: Comparable> {
    package let itemCount: Int
    /// What the request counts against `ComputeQueueLimits.maxWaitingBytes`.
    package let byteCount: Int
    /// When the request was admitted.
    package let enqueued: Instant
    /// From this instant on the request is dropped instead of computed.
    package let deadline: Instant?
    package let payload: Payload

    package init(itemCount: Int, byteCount: Int, enqueued: Instant, deadline: Instant? = nil, payload: Payload) {
        self.itemCount = max(0, itemCount)
        self.byteCount = max(0, byteCount)
        self.enqueued = enqueued
        self.deadline = deadline
        self.payload = payload
    }

    func isOverdue(at now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }
}

extension ComputeQueueEntry: Sendable where Payload: Sendable, Instant: Sendable {}

/// Identifies an admitted entry. Ordered by arrival; never reused.
package struct ComputeQueueEntryID: Hashable, Comparable, Sendable {
    var serial: UInt64

    package static func < (one: ComputeQueueEntryID, other: ComputeQueueEntryID) -> Bool { one.serial < other.serial }
}
