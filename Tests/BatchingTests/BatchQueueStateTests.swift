import Batching
import Testing

@Suite struct BatchQueueStateTests {
    private func state(maxBatch: Int = 4, maxQueue: Int = 8, maxQueueBytes: Int = 1000) throws -> State {
        State(policy: try BatchPolicy(maxBatch: maxBatch, maxQueue: maxQueue, maxQueueBytes: maxQueueBytes))
    }

    private func entry(
        _ payload: Int, lane: String = "a", items: Int = 1, bytes: Int = 10, deadline: Int? = nil
    ) -> Entry {
        Entry(lane: lane, itemCount: items, byteCount: bytes, enqueued: 0, deadline: deadline, payload: payload)
    }

    @Test("a policy that lets nothing through is refused", arguments: [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
    func policyIsValidated(limits: (Int, Int, Int)) {
        #expect(throws: BatchPolicyError.self) {
            try BatchPolicy(maxBatch: limits.0, maxQueue: limits.1, maxQueueBytes: limits.2)
        }
    }

    @Test("a batch takes what waits in order of arrival, up to its limit in items")
    func batchIsFilledInOrder() throws {
        var state = try state(maxBatch: 4)
        for (payload, items) in [(1, 1), (2, 2), (3, 2), (4, 1)] {
            _ = try state.admit(entry(payload, items: items))
        }
        let first = try #require(state.nextBatch(at: 0).batch)
        #expect(first.entries.map(\.payload) == [1, 2], "3 does not fit and 4 may not overtake it")
        #expect(first.itemCount == 3)
        #expect(state.nextBatch(at: 0).batch?.entries.map(\.payload) == [3, 4])
        #expect(state.nextBatch(at: 0).batch == nil)
    }

    @Test("a batch holds one lane, and the lane that waited longest goes first")
    func lanesAreSeparate() throws {
        var state = try state(maxBatch: 2)
        for (payload, lane) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "a"), (6, "b")] {
            _ = try state.admit(entry(payload, lane: lane))
        }
        var batches: [[Int]] = []
        while let batch = state.nextBatch(at: 0).batch {
            #expect(batch.entries.allSatisfy { $0.lane == batch.lane })
            batches.append(batch.entries.map(\.payload))
        }
        #expect(batches == [[1, 2], [3, 6], [4, 5]])
    }

    @Test("a lane that keeps being filled does not starve another")
    func lanesDoNotStarve() throws {
        var state = try state(maxBatch: 1, maxQueue: 4)
        for payload in 0..<3 { _ = try state.admit(entry(payload, lane: "busy")) }
        _ = try state.admit(entry(99, lane: "quiet"))
        var computed: [Int] = []
        for payload in 3..<10 where !computed.contains(99) {
            computed += try #require(state.nextBatch(at: 0).batch).entries.map(\.payload)
            _ = try state.admit(entry(payload, lane: "busy"))
        }
        #expect(computed == [0, 1, 2, 99])
    }

    @Test("an entry larger than a batch is computed alone")
    func largeEntryRunsAlone() throws {
        var state = try state(maxBatch: 4)
        for (payload, items) in [(1, 1), (2, 9), (3, 1)] { _ = try state.admit(entry(payload, items: items)) }
        #expect(state.nextBatch(at: 0).batch?.entries.map(\.payload) == [1])
        let large = try #require(state.nextBatch(at: 0).batch)
        #expect(large.entries.map(\.payload) == [2])
        #expect(large.itemCount == 9)
        #expect(state.nextBatch(at: 0).batch?.entries.map(\.payload) == [3])
    }

    @Test("the queue takes exactly as many requests as its limit")
    func requestLimitIsExact() throws {
        var state = try state(maxQueue: 3)
        for payload in 0..<3 { _ = try state.admit(entry(payload, items: 100)) }
        #expect(throws: BatchRefusal.queueFull(waiting: 3, limit: 3)) { try state.admit(entry(3)) }
        _ = state.nextBatch(at: 0)
        _ = try state.admit(entry(4))
        #expect(throws: BatchRefusal.queueFull(waiting: 3, limit: 3)) { try state.admit(entry(5)) }
    }

    @Test("the queue takes exactly as many bytes as its limit, and huge sizes do not overflow")
    func byteLimitIsExact() throws {
        var state = try state(maxQueueBytes: 100)
        _ = try state.admit(entry(1, bytes: 60))
        #expect(throws: BatchRefusal.queueBytesFull(waiting: 60, requested: 41, limit: 100)) {
            try state.admit(entry(2, bytes: 41))
        }
        #expect(throws: BatchRefusal.queueBytesFull(waiting: 60, requested: .max, limit: 100)) {
            try state.admit(entry(2, bytes: .max))
        }
        _ = try state.admit(entry(2, bytes: 40))
        #expect(state.waitingBytes == 100)
    }

    @Test("a cancelled entry frees its place and bytes, once")
    func cancelFreesPlace() throws {
        var state = try state(maxQueue: 2, maxQueueBytes: 20)
        let first = try state.admit(entry(1))
        _ = try state.admit(entry(2))
        #expect(state.cancel(first)?.payload == 1)
        #expect(state.cancel(first) == nil)
        #expect(state.waitingBytes == 10)
        let third = try state.admit(entry(3))
        #expect(state.cancel(first) == nil, "an old name does not reach the slot's new entry")
        #expect(state.nextBatch(at: 0).batch?.entries.map(\.payload) == [2, 3])
        #expect(state.cancel(third) == nil, "computing has begun")
    }

    @Test("an entry whose deadline has passed is dropped, one whose deadline is near is not")
    func overdueEntriesAreDropped() throws {
        var state = try state()
        for (payload, deadline) in [(1, 50), (2, 100), (3, nil), (4, 101)] as [(Int, Int?)] {
            _ = try state.admit(entry(payload, deadline: deadline))
        }
        #expect(state.removeOverdue(at: 49).isEmpty)
        let (batch, overdue) = state.nextBatch(at: 100)
        #expect(overdue.map(\.payload) == [1, 2])
        #expect(batch?.entries.map(\.payload) == [3, 4])
    }

    @Test("when everything is overdue there is no batch and nothing in flight")
    func allOverdue() throws {
        var state = try state()
        for payload in 0..<3 { _ = try state.admit(entry(payload, lane: "\(payload)", deadline: 5)) }
        let (batch, overdue) = state.nextBatch(at: 5)
        #expect(batch == nil)
        #expect(overdue.count == 3)
        #expect(state.waitingRequests == 0 && state.waitingBytes == 0 && state.requestsInFlight == 0)
    }

    @Test("draining refuses new work and ends when what was admitted is finished")
    func drainEndsWithLastBatch() throws {
        var state = try state(maxBatch: 1)
        for payload in 0..<2 { _ = try state.admit(entry(payload)) }
        state.drain()
        #expect(throws: BatchRefusal.draining) { try state.admit(entry(9)) }
        for remaining in [true, false] {
            let batch = try #require(state.nextBatch(at: 0).batch)
            #expect(!state.isDrained, "a batch is in flight")
            state.finish(batch)
            #expect(state.isDrained == !remaining)
        }
    }

    @Test("a long random history agrees with the rules written out plainly", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func agreesWithModel(seed: UInt64) throws {
        var random = RepeatableRandom(seed: seed)
        let policy = try BatchPolicy(maxBatch: Int(seed), maxQueue: 12, maxQueueBytes: 400)
        var state = State(policy: policy)
        var model = QueueModel(policy: policy)
        var ids: [Int: BatchEntryID] = [:]
        for now in 0..<3000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let entry = Entry(
                    lane: String(Int.random(in: 0..<3, using: &random)),
                    itemCount: Int.random(in: 0..<6, using: &random),
                    byteCount: Int.random(in: 0..<90, using: &random), enqueued: now,
                    deadline: Bool.random(using: &random) ? now + Int.random(in: 1..<40, using: &random) : nil,
                    payload: now)
                let id = try? state.admit(entry)
                try #require((id != nil) == model.admit(entry))
                ids[now] = id
            case 6:
                guard let (payload, id) = ids.min(by: { ($0.key % 7, $0.key) < ($1.key % 7, $1.key) }) else { continue }
                ids[payload] = nil
                try #require((state.cancel(id)?.payload == payload) == model.cancel(payload))
            case 7:
                try #require(state.removeOverdue(at: now).map(\.payload) == model.removeOverdue(at: now))
            default:
                let (batch, overdue) = state.nextBatch(at: now)
                try #require(overdue.map(\.payload) == model.removeOverdue(at: now))
                let payloads = batch?.entries.map(\.payload) ?? []
                try #require(payloads == model.nextBatch())
                if let batch {
                    try #require(batch.itemCount <= policy.maxBatch || batch.entries.count == 1)
                    try #require(batch.itemCount == batch.entries.reduce(0) { $0 + $1.itemCount })
                    state.finish(batch)
                }
            }
            try #require(state.waitingRequests == model.waiting.count)
            try #require(state.waitingBytes == model.waiting.reduce(0) { $0 + $1.byteCount })
            try #require(state.waitingItems == model.waiting.reduce(0) { $0 + $1.itemCount })
            try #require(
                state.waitingRequestsByLane == Dictionary(grouping: model.waiting, by: \.lane).mapValues(\.count))
            try #require(state.requestsInFlight == 0 && state.itemsInFlight == 0)
        }
    }
}
