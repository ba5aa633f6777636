import Batching
import Clocks
import Dispatch
import Testing

@Suite struct BatcherDepartureTests {
    /// A batcher whose first computation, of lane "blocker", stands at the gate; what is submitted next waits.
    private struct Blocked {
        let clock = FakeClock()
        let gate = Gate()
        let observer = JournalObserver()
        let computed = Journal<[Int]>()
        let outcomes = Journal<Outcome>()
        let batcher: TestBatcher

        init(maxQueue: Int = 2, maxQueueBytes: Int = 100) throws {
            batcher = TestBatcher(
                policy: try policy(maxQueue: maxQueue, maxQueueBytes: maxQueueBytes), name: "test", observer: observer,
                now: { [clock] in clock.now },
                execute: { [gate, computed] lane, items, _ in
                    if lane == "blocker" { gate.pass() } else { computed.append(items) }
                    return items
                })
            _ = try batcher.submit(lane: "blocker", items: [0], byteCount: 1) { _ in }
            try gate.awaitArrival()
        }

        func submit(_ item: Int, byteCount: Int = 1, timeout: Duration? = nil) throws -> BatchTicket {
            try batcher.submit(
                lane: "a", items: [item], byteCount: byteCount, deadline: timeout.map { clock.now + $0 }
            ) { [outcomes] in outcomes.append($0) }
        }
    }

    @Test("cancelling frees the place at once and reports it")
    func cancelFreesPlace() throws {
        let blocked = try Blocked(maxQueue: 2)
        let first = try blocked.submit(1)
        _ = try blocked.submit(2)
        #expect(throws: BatchRefusal.queueFull(waiting: 2, limit: 2)) { try blocked.submit(3) }
        #expect(first.cancel())
        #expect(!first.cancel())
        let third = try blocked.submit(4)
        try blocked.outcomes.wait(for: 1)
        blocked.gate.open()
        let results = try blocked.outcomes.wait(for: 2)
        #expect(results.map(\.error) == [.cancelled, nil, nil])
        #expect(blocked.computed.all == [[2], [4]])
        #expect(!third.cancel(), "it is done")
        #expect(blocked.outcomes.all.count == 3)
    }

    @Test("cancelling frees the bytes")
    func cancelFreesBytes() throws {
        let blocked = try Blocked(maxQueueBytes: 100)
        let first = try blocked.submit(1, byteCount: 100)
        #expect(throws: BatchRefusal.queueBytesFull(waiting: 100, requested: 1, limit: 100)) {
            try blocked.submit(2, byteCount: 1)
        }
        first.cancel()
        _ = try blocked.submit(3, byteCount: 100)
        blocked.gate.open()
        try blocked.outcomes.wait(for: 2)
    }

    @Test("a request being computed cannot be withdrawn and is answered")
    func cancelDuringComputation() throws {
        let gate = Gate()
        let batcher = TestBatcher(policy: try policy(), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        let ticket = try batcher.submit(lane: "a", items: [1], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        #expect(!ticket.cancel())
        gate.open()
        #expect(try #require(try outcomes.wait(for: 1).first).get().outputs == [1])
    }

    @Test("a request whose deadline passes in the queue is not computed")
    func overdueRequestIsDropped() throws {
        let blocked = try Blocked()
        _ = try blocked.submit(1, timeout: .seconds(1))
        _ = try blocked.submit(2, timeout: .seconds(3))
        blocked.clock.advance(by: .seconds(2))
        blocked.gate.open()
        let results = try blocked.outcomes.wait(for: 2)
        // They leave on queues of their own.
        #expect(Set(results.map(\.error)) == [.deadlineExceeded, nil])
        #expect(blocked.computed.all == [[2]])
        let departure = try #require(
            try blocked.observer.departures.wait(for: 3).first { $0.outcome == .failed(.deadlineExceeded) })
        #expect(departure.queueDuration == .seconds(2))
    }

    @Test("a caller's timer hears of a missed deadline while another request is being computed")
    func overdueRequestIsCalledBackEarly() throws {
        let blocked = try Blocked()
        _ = try blocked.submit(1, timeout: .seconds(1))
        blocked.batcher.expireOverdue()
        #expect(blocked.batcher.load.waitingRequests == 1)
        blocked.clock.advance(by: .seconds(1))
        blocked.batcher.expireOverdue()
        #expect(try blocked.outcomes.wait(for: 1).map(\.error) == [.deadlineExceeded])
        #expect(blocked.batcher.load.waitingRequests == 0)
        blocked.gate.open()
    }

    @Test("requests that are too late make way for a new one when the queue is full")
    func overdueRequestsMakeWay() throws {
        let blocked = try Blocked(maxQueue: 1)
        _ = try blocked.submit(1, timeout: .seconds(1))
        #expect(throws: BatchRefusal.self) { try blocked.submit(2) }
        blocked.clock.advance(by: .seconds(1))
        _ = try blocked.submit(3)
        try blocked.outcomes.wait(for: 1)
        blocked.gate.open()
        #expect(try blocked.outcomes.wait(for: 1).map(\.error) == [.deadlineExceeded, nil])
        #expect(blocked.computed.all == [[3]])
    }

    @Test("draining finishes what was admitted, refuses the rest and calls back last")
    func drainFinishesAdmitted() throws {
        let blocked = try Blocked(maxQueue: 4)
        for item in 1...3 { _ = try blocked.submit(item) }
        let cancelled = try blocked.submit(4)
        let answeredAtDrain = Journal<Int>()
        blocked.batcher.drain { [outcomes = blocked.outcomes] in answeredAtDrain.append(outcomes.all.count) }
        #expect(throws: BatchRefusal.draining) { try blocked.submit(5) }
        #expect(blocked.batcher.load.isDraining)
        #expect(answeredAtDrain.all.isEmpty)
        cancelled.cancel()
        blocked.gate.open()
        #expect(try answeredAtDrain.wait(for: 1) == [4])
        #expect(blocked.computed.all == [[1], [2], [3]])
    }

    @Test("draining an idle batcher calls back, every time it is asked")
    func drainWhenIdle() throws {
        let batcher = TestBatcher(policy: try policy(), name: "test") { _, items, _ in items }
        let drained = Journal<Int>()
        for call in 1...2 { batcher.drain { drained.append(call) } }
        #expect(try drained.wait(for: 2) == [1, 2])
    }

    @Test("the last waiting request being cancelled ends the drain")
    func cancelEndsDrain() throws {
        let blocked = try Blocked()
        let ticket = try blocked.submit(1)
        blocked.gate.open()
        _ = try blocked.observer.departures.wait(for: 1)
        ticket.cancel()
        let drained = Journal<Int>()
        blocked.batcher.drain { drained.append(1) }
        try drained.wait(for: 1)
        #expect(blocked.outcomes.all.count == 1)
    }
}
