import ComputeQueue

typealias State = ComputeQueueState<Int, Int>
typealias Entry = ComputeQueueEntry<Int, Int>

/// A direct implementation of the queue's rules, to compare `ComputeQueueState` with. Payloads are unique.
struct QueueModel {
    let limits: ComputeQueueLimits
    var waiting: [Entry] = []

    /// Whether the entry was admitted.
    mutating func admit(_ entry: Entry) -> Bool {
        let bytes = waiting.reduce(entry.byteCount) { $0 + $1.byteCount }
        guard waiting.count < limits.maxWaiting, bytes <= limits.maxWaitingBytes else { return false }
        waiting.append(entry)
        return true
    }

    mutating func cancel(_ payload: Int) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.payload == payload }) else { return false }
        waiting.remove(at: index)
        return true
    }

    mutating func removeOverdue(at now: Int) -> [Int] {
        let overdue = waiting.filter { $0.deadline.map { $0 <= now } ?? false }.map(\.payload)
        waiting.removeAll { overdue.contains($0.payload) }
        return overdue
    }

    /// Call `removeOverdue` first.
    mutating func next() -> Int? { waiting.isEmpty ? nil : waiting.removeFirst().payload }
}

/// SplitMix64: the same numbers on every run.
struct RepeatableRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
