import Batching

typealias State = BatchQueueState<String, Int, Int>
typealias Entry = BatchEntry<String, Int, Int>

/// The queue's rules as plainly as they can be written, to compare the real one with. Payloads are unique.
struct QueueModel {
    let policy: BatchPolicy
    var waiting: [Entry] = []

    /// Whether the entry was let in.
    mutating func admit(_ entry: Entry) -> Bool {
        let bytes = waiting.reduce(entry.byteCount) { $0 + $1.byteCount }
        guard waiting.count < policy.maxQueue, bytes <= policy.maxQueueBytes else { return false }
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
