import ComputeQueue
import Testing

@Suite struct ComputeQueueStateTests {
    private func state(maxWaiting: Int = 8, maxWaitingBytes: Int = 1000) throws -> State {
        State(limits: try ComputeQueueLimits(itemsPerPass: 4, maxWaiting: maxWaiting, maxWaitingBytes: maxWaitingBytes))
    }

    private func entry(
        _ payload: Int, items: Int = 1, bytes: Int = 10, deadline: Int? = nil
    ) -> Entry {
        Entry(itemCount: items, byteCount: bytes, enqueued: 0, deadline: deadline, payload: payload)
    }

    @Test("limits that admit nothing are refused", arguments: [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
    func limitsAreValidated(limits: (Int, Int, Int)) {
        #expect(throws: ComputeQueueLimits.Invalid.self) {
            try ComputeQueueLimits(itemsPerPass: limits.0, maxWaiting: limits.1, maxWaitingBytes: limits.2)
        }
    }

    @Test("requests are handed out one by one in order of arrival, whatever their size")
    func orderIsThatOfArrival() throws {
        var state = try state()
        for (payload, items) in [(1, 1), (2, 9), (3, 2), (4, 0)] {
            _ = try state.admit(entry(payload, items: items))
        }
        var payloads: [Int] = []
        while let next = state.next(at: 0).entry { payloads.append(next.payload) }
        #expect(payloads == [1, 2, 3, 4])
        #expect(state.itemsInFlight == 12)
    }

    @Test("the queue takes exactly as many requests as its limit")
    func requestLimitIsExact() throws {
        var state = try state(maxWaiting: 3)
        for payload in 0..<3 { _ = try state.admit(entry(payload, items: 100)) }
        #expect(throws: ComputeQueueRefusal.full(waiting: 3, limit: 3)) { try state.admit(entry(3)) }
        _ = state.next(at: 0)
        _ = try state.admit(entry(4))
        #expect(throws: ComputeQueueRefusal.full(waiting: 3, limit: 3)) { try state.admit(entry(5)) }
    }

    @Test("the queue takes exactly as many bytes as its limit, and huge sizes do not overflow")
    func byteLimitIsExact() throws {
        var state = try state(maxWaitingBytes: 100)
        _ = try state.admit(entry(1, bytes: 60))
        #expect(throws: ComputeQueueRefusal.bytesFull(waiting: 60, requested: 41, limit: 100)) {
            try state.admit(entry(2, bytes: 41))
        }
        #expect(throws: ComputeQueueRefusal.bytesFull(waiting: 60, requested: .max, limit: 100)) {
            try state.admit(entry(2, bytes: .max))
        }
        _ = try state.admit(entry(2, bytes: 40))
        #expect(state.waitingBytes == 100)
    }

    @Test("a cancelled entry frees its place and bytes, once")
    func cancelFreesPlace() throws {
        var state = try state(maxWaiting: 2, maxWaitingBytes: 20)
        let first = try state.admit(entry(1))
        _ = try state.admit(entry(2))
        #expect(state.cancel(first)?.payload == 1)
        #expect(state.cancel(first) == nil)
        #expect(state.waitingBytes == 10)
        let third = try state.admit(entry(3))
        #expect(state.cancel(first) == nil, "an old identifier does not reach a later entry")
        #expect([state.next(at: 0), state.next(at: 0)].map(\.entry?.payload) == [2, 3])
        #expect(state.cancel(third) == nil, "computing has begun")
    }

    @Test("an entry whose deadline has passed is dropped, one whose deadline is near is not")
    func overdueEntriesAreDropped() throws {
        var state = try state()
        for (payload, deadline) in [(1, 50), (2, 100), (3, nil), (4, 101)] as [(Int, Int?)] {
            _ = try state.admit(entry(payload, deadline: deadline))
        }
        #expect(state.removeOverdue(at: 49).isEmpty)
        let (next, overdue) = state.next(at: 100)
        #expect(overdue.map(\.payload) == [1, 2])
        #expect(next?.payload == 3)
        #expect(state.next(at: 100).entry?.payload == 4)
    }

    @Test("when everything is overdue nothing is handed out")
    func allOverdue() throws {
        var state = try state()
        for payload in 0..<3 { _ = try state.admit(entry(payload, deadline: 5)) }
        let (next, overdue) = state.next(at: 5)
        #expect(next == nil)
        #expect(overdue.count == 3)
        #expect(state.waitingRequests == 0 && state.waitingBytes == 0 && state.itemsInFlight == 0)
    }

    @Test("a long random history agrees with the rules written out plainly", arguments: [1, 2, 3] as [UInt64])
    func agreesWithModel(seed: UInt64) throws {
        var random = RepeatableRandom(seed: seed)
        let limits = try ComputeQueueLimits(itemsPerPass: 4, maxWaiting: 12, maxWaitingBytes: 400)
        var state = State(limits: limits)
        var model = QueueModel(limits: limits)
        var ids: [Int: ComputeQueueEntryID] = [:]
        for now in 0..<3000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let entry = Entry(
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
                let (next, overdue) = state.next(at: now)
                try #require(overdue.map(\.payload) == model.removeOverdue(at: now))
                try #require(next?.payload == model.next())
                if let next { state.finish(next) }
            }
            try #require(state.waitingRequests == model.waiting.count)
            try #require(state.waitingBytes == model.waiting.reduce(0) { $0 + $1.byteCount })
            try #require(state.waitingItems == model.waiting.reduce(0) { $0 + $1.itemCount })
            try #require(state.waitingPayloads.sorted() == model.waiting.map(\.payload).sorted())
            try #require(state.itemsInFlight == 0)
        }
    }
}
