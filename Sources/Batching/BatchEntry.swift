/// One request in the queue. Its lane says what is to be computed of its items.
package struct BatchEntry<Lane: Hashable, Payload, Instant: Comparable> {
    package let lane: Lane
    package let itemCount: Int
    package let byteCount: Int
    package let enqueued: Instant
    /// The instant from which on the request is no longer worth computing.
    package let deadline: Instant?
    package let payload: Payload

    package init(
        lane: Lane, itemCount: Int, byteCount: Int, enqueued: Instant, deadline: Instant? = nil, payload: Payload
    ) {
        self.lane = lane
        self.itemCount = max(0, itemCount)
        self.byteCount = max(0, byteCount)
        self.enqueued = enqueued
        self.deadline = deadline
        self.payload = payload
    }

    func isOverdue(at now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }
}

extension BatchEntry: Sendable where Lane: Sendable, Payload: Sendable, Instant: Sendable {}

/// Names an admitted entry. It never comes back to life: a later entry in the same slot has another serial number.
package struct BatchEntryID: Hashable, Sendable {
    let slot: Int
    let serial: UInt64
}
