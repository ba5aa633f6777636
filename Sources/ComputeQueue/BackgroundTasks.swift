import Clocks

/// Long work that is computed in slices between requests, so that no request waits for more than the slice of each loop.
package struct BackgroundTask: Sendable {
    /// How much there is to compute, at least 1, in one unit for all tasks of a queue. The time that a task of the queue will
    /// take is estimated as its price times the measured seconds per unit.
    let price: Int
    /// From this instant on the task is dropped where it waits.
    let deadline: Instant?
    /// Computes one slice, which must be short.
    let advance: @Sendable () -> BackgroundProgress
    /// Called instead of a further slice where the task leaves the queue before its end.
    let leave: @Sendable (ComputeQueueError) -> Void

    /// - Parameters:
    ///   - price: how much there is to compute, at least 1, in one unit for all tasks of a queue, such as multiplications
    ///     and additions.
    ///   - deadline: from when on the task is dropped where it waits; `advance` watches it meanwhile.
    ///   - advance: computes one slice on a compute loop; never called by two loops at a time, and not after the end.
    ///   - leave: called once, and only where `advance` has not reported the end.
    package init(
        price: Int = 1, deadline: Instant?, advance: @escaping @Sendable () -> BackgroundProgress,
        leave: @escaping @Sendable (ComputeQueueError) -> Void
    ) {
        (self.price, self.deadline, self.advance, self.leave) = (max(1, price), deadline, advance, leave)
    }
}

/// Whether a background task needs further slices.
package enum BackgroundProgress: Sendable {
    case unfinished
    /// All of it is computed.
    case complete
    /// Given up before its end.
    case abandoned
}

/// The decisions on background tasks, without threads or clocks: tasks are computed in order of arrival, each to its
/// end before the next begins, as far as there are loops; while requests wait, every second turn is a request's.
struct BackgroundTasks<Task: Sendable, Instant: Comparable & Sendable>: Sendable {
    struct Entry: Sendable {
        let id: ComputeQueueEntryID
        let deadline: Instant?
        let task: Task
        /// How much there is to compute.
        let price: Int
        /// That its slices have taken.
        var spent: Duration = .zero
    }

    /// The most tasks that may wait to be begun.
    let limit: Int
    /// First those that were begun, then the others in order of arrival.
    private(set) var waiting: [Entry] = []
    /// Of the tasks of which a slice is being computed.
    private(set) var priceInFlight = 0
    /// Of all tasks that are not at their end.
    var remainingPrice: Int { waiting.reduce(priceInFlight) { $0 + $1.price } }
    private var nextID = ComputeQueueEntryID(serial: 0)
    /// Whether a request was computed while tasks waited, so that the next turn is a task's.
    private var isOwedTurn = false

    init(limit: Int) { self.limit = limit }

    mutating func admit(
        _ task: Task, price: Int = 1, deadline: Instant?
    ) throws(ComputeQueueRefusal) -> ComputeQueueEntryID {
        guard waiting.count < limit else { throw .full(waiting: waiting.count, limit: limit) }
        defer { nextID.serial += 1 }
        waiting.append(Entry(id: nextID, deadline: deadline, task: task, price: price))
        return nextID
    }

    /// Puts a task that needs further slices back before all others.
    mutating func putBack(_ entry: Entry) {
        end(entry)
        waiting.insert(entry, at: 0)
    }

    /// Reports that a task that `next` has handed out needs no further slice.
    mutating func end(_ entry: Entry) { priceInFlight -= entry.price }

    /// The task whose turn it is; nil where it is a request's, or no task waits.
    mutating func next(requestsWait: Bool) -> Entry? {
        guard !waiting.isEmpty else { return nil }
        if requestsWait, !isOwedTurn {
            isOwedTurn = true
            return nil
        }
        isOwedTurn = false
        let entry = waiting.removeFirst()
        priceInFlight += entry.price
        return entry
    }

    /// Takes a waiting task out; nil if a slice is being computed or it has left.
    mutating func cancel(_ id: ComputeQueueEntryID) -> Entry? {
        waiting.firstIndex { $0.id == id }.map { waiting.remove(at: $0) }
    }

    /// Of the tasks that wait; nil where none has a deadline.
    var earliestDeadline: Instant? { waiting.compactMap(\.deadline).min() }

    /// Takes out the tasks whose deadline has passed.
    mutating func removeOverdue(at now: Instant) -> [Entry] {
        func isOverdue(_ entry: Entry) -> Bool { entry.deadline.map { $0 <= now } ?? false }
        guard waiting.contains(where: isOverdue) else { return [] }
        defer { waiting.removeAll(where: isOverdue) }
        return waiting.filter(isOverdue)
    }
}
