/// The queue's decisions without threads or clocks: who is let in, who is computed next, who is too late.
///
/// Entries are computed in order of arrival, each by itself: nobody's answer waits for the computation of another's that
/// came later.
package struct BatchQueueState<Lane: Hashable, Payload, Instant: Comparable> {
    package typealias Entry = BatchEntry<Lane, Payload, Instant>

    package let policy: BatchPolicy
    package private(set) var waitingItems = 0
    package private(set) var waitingBytes = 0
    /// Requests and items handed out by `next` and not yet finished.
    package private(set) var requestsInFlight = 0
    package private(set) var itemsInFlight = 0
    package private(set) var isDraining = false

    private var waiting = WaitingList<Lane, Entry>()
    /// No waiting entry has an earlier deadline, so nothing is overdue before it.
    private var earliestDeadline: Instant?

    package init(policy: BatchPolicy) { self.policy = policy }

    package var waitingRequests: Int { waiting.count }
    package var waitingRequestsByLane: [Lane: Int] { waiting.countByLane }
    /// Nothing is left to do and nothing more will come.
    package var isDrained: Bool { isDraining && waitingRequests == 0 && requestsInFlight == 0 }

    /// Takes an entry into the queue as a whole, however many items it has, or refuses it.
    package mutating func admit(_ entry: Entry) throws(BatchRefusal) -> BatchEntryID {
        guard !isDraining else { throw .draining }
        guard waitingRequests < policy.maxQueue else {
            throw .queueFull(waiting: waitingRequests, limit: policy.maxQueue)
        }
        guard entry.byteCount <= policy.maxQueueBytes - waitingBytes else {
            throw .queueBytesFull(
                waiting: waitingBytes, requested: entry.byteCount, limit: policy.maxQueueBytes)
        }
        waitingItems += entry.itemCount
        waitingBytes += entry.byteCount
        if let deadline = entry.deadline {
            earliestDeadline = earliestDeadline.map { min($0, deadline) } ?? deadline
        }
        return waiting.append(entry, lane: entry.lane)
    }

    /// Takes a waiting entry out and frees its place; `nil` if it is being computed or has left.
    package mutating func cancel(_ id: BatchEntryID) -> Entry? { remove(id) }

    /// Takes out the entries whose deadline has passed, oldest first.
    package mutating func removeOverdue(at now: Instant) -> [Entry] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        var overdue: [BatchEntryID] = []
        var earliest: Instant?
        waiting.forEach { id, entry in
            if entry.isOverdue(at: now) {
                overdue.append(id)
            } else if let deadline = entry.deadline {
                earliest = earliest.map { min($0, deadline) } ?? deadline
            }
        }
        self.earliestDeadline = earliest
        return overdue.compactMap { remove($0) }
    }

    /// The next entry to compute, `nil` if nothing waits, and the entries dropped because they were too late for it.
    package mutating func next(at now: Instant) -> (entry: Entry?, overdue: [Entry]) {
        let overdue = removeOverdue(at: now)
        guard let first = waiting.first, let entry = remove(first) else { return (nil, overdue) }
        requestsInFlight += 1
        itemsInFlight += entry.itemCount
        return (entry, overdue)
    }

    /// Reports that an entry handed out by `next` is computed.
    package mutating func finish(_ entry: Entry) {
        requestsInFlight -= 1
        itemsInFlight -= entry.itemCount
    }

    /// Refuses new entries from now on; those waiting are still handed out.
    package mutating func drain() { isDraining = true }

    private mutating func remove(_ id: BatchEntryID) -> Entry? {
        guard let entry = waiting.remove(id) else { return nil }
        waitingItems -= entry.itemCount
        waitingBytes -= entry.byteCount
        return entry
    }
}
