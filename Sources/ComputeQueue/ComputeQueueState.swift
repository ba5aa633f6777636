/// The queue's decisions, without threads or clocks: which request is admitted, which is computed next, which is
/// dropped because its deadline has passed.
///
/// Requests are computed in order of arrival, each by itself; they are never merged, so that no answer waits for the
/// computation of a request that came later. Admission, cancellation and `next` take amortized constant time.
package struct ComputeQueueState<Payload, Instant: Comparable> {
    package typealias Entry = ComputeQueueEntry<Payload, Instant>

    package let limits: ComputeQueueLimits
    /// Items of all waiting entries.
    package private(set) var waitingItems = 0
    /// Bytes of all waiting entries.
    package private(set) var waitingBytes = 0
    /// Items handed out by `next` and not yet finished.
    package private(set) var itemsInFlight = 0

    private var waiting: [ComputeQueueEntryID: Entry] = [:]
    /// No waiting entry is older than this one, which may have left.
    private var oldest = ComputeQueueEntryID(serial: 0)
    private var nextID = ComputeQueueEntryID(serial: 0)
    /// No waiting entry has an earlier deadline; nil where none has any.
    package private(set) var earliestDeadline: Instant?

    package init(limits: ComputeQueueLimits) { self.limits = limits }

    package var waitingRequests: Int { waiting.count }
    /// In no particular order.
    package var waitingPayloads: [Payload] { waiting.values.map(\.payload) }

    /// Admits an entry as a whole, however many items it has, or refuses it.
    package mutating func admit(_ entry: Entry) throws(ComputeQueueRefusal) -> ComputeQueueEntryID {
        guard waitingRequests < limits.maxWaiting else {
            throw .full(waiting: waitingRequests, limit: limits.maxWaiting)
        }
        guard entry.byteCount <= limits.maxWaitingBytes - waitingBytes else {
            throw .bytesFull(waiting: waitingBytes, requested: entry.byteCount, limit: limits.maxWaitingBytes)
        }
        waitingItems += entry.itemCount
        waitingBytes += entry.byteCount
        if let deadline = entry.deadline {
            earliestDeadline = earliestDeadline.map { min($0, deadline) } ?? deadline
        }
        let id = nextID
        nextID.serial += 1
        waiting[id] = entry
        return id
    }

    /// Takes a waiting entry out and frees its place; nil if it is being computed or has left.
    package mutating func cancel(_ id: ComputeQueueEntryID) -> Entry? { remove(id) }

    /// Takes out the entries whose deadline has passed, in order of arrival.
    package mutating func removeOverdue(at now: Instant) -> [Entry] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        let overdue = waiting.filter { $0.value.isOverdue(at: now) }.keys.sorted()
        let removed = overdue.compactMap { remove($0) }
        self.earliestDeadline = waiting.values.compactMap(\.deadline).min()
        return removed
    }

    /// The next entry to compute, nil if nothing waits, and the entries dropped because their deadline has passed.
    package mutating func next(at now: Instant) -> (entry: Entry?, overdue: [Entry]) {
        let overdue = removeOverdue(at: now)
        guard !waiting.isEmpty else { return (nil, overdue) }
        while oldest < nextID {
            let id = oldest
            oldest.serial += 1
            guard let entry = remove(id) else { continue }
            itemsInFlight += entry.itemCount
            return (entry, overdue)
        }
        return (nil, overdue)
    }

    /// Reports that an entry handed out by `next` is computed.
    package mutating func finish(_ entry: Entry) { itemsInFlight -= entry.itemCount }

    private mutating func remove(_ id: ComputeQueueEntryID) -> Entry? {
        guard let entry = waiting.removeValue(forKey: id) else { return nil }
        waitingItems -= entry.itemCount
        waitingBytes -= entry.byteCount
        return entry
    }
}
