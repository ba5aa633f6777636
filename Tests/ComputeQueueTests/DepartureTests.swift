import Clocks
import Dispatch
import Testing

@testable import ComputeQueue

@Suite struct DepartureTests {
    /// A queue whose first computation, the work "blocker", waits at the gate; what is submitted next stays in the queue.
    private struct Blocked {
        let clock = FakeClock()
        let gate = Gate()
        let observer = JournalObserver()
        let computed = Journal<[Int]>()
        let outcomes = Journal<Outcome>()
        let queue: TestQueue

        init(maxWaiting: Int = 2, maxWaitingBytes: Int = 100) throws {
            queue = TestQueue(
                limits: try limits(maxWaiting: maxWaiting, maxWaitingBytes: maxWaitingBytes), name: "test",
                observer: observer,
                now: { [clock] in clock.now },
                compute: { [gate, computed] work, items, _ in
                    if work == "blocker" { gate.pass() } else { computed.append(items) }
                    return items
                })
            _ = try queue.submit("blocker", [0], byteCount: 1) { _ in }
            try gate.awaitArrival()
        }

        func submit(_ item: Int, byteCount: Int = 1, timeout: Duration? = nil) throws -> TestQueue.Ticket {
            try queue.submit(
                "a", [item], byteCount: byteCount, deadline: timeout.map { clock.now + $0 }
            ) { [outcomes] in outcomes.append($0) }
        }
    }

    @Test("cancelling frees the place at once and reports it")
    func cancelFreesPlace() throws {
        let blocked = try Blocked(maxWaiting: 2)
        let first = try blocked.submit(1)
        _ = try blocked.submit(2)
        #expect(throws: ComputeQueueRefusal.full(waiting: 2, limit: 2)) { try blocked.submit(3) }
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
        let blocked = try Blocked(maxWaitingBytes: 100)
        let first = try blocked.submit(1, byteCount: 100)
        #expect(throws: ComputeQueueRefusal.bytesFull(waiting: 100, requested: 1, limit: 100)) {
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
        let queue = TestQueue(limits: try limits(), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        let ticket = try queue.submit("a", [1], byteCount: 1) { outcomes.append($0) }
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
        // They complete on different dispatch queues.
        #expect(Set(results.map(\.error)) == [.deadlineExceeded, nil])
        #expect(blocked.computed.all == [[2]])
        let departures = try blocked.observer.departures.wait(for: 3)
        #expect(departures.filter { $0.work == "a" }.map(\.queueDuration) == [.seconds(2), .seconds(2)])
    }

    @Test("a missed deadline can be reported while another request is being computed")
    func overdueRequestIsCalledBackEarly() throws {
        let blocked = try Blocked()
        _ = try blocked.submit(1, timeout: .seconds(1))
        blocked.queue.expireOverdue()
        #expect(blocked.queue.waitingRequests == 1)
        blocked.clock.advance(by: .seconds(1))
        blocked.queue.expireOverdue()
        #expect(try blocked.outcomes.wait(for: 1).map(\.error) == [.deadlineExceeded])
        #expect(blocked.queue.waitingRequests == 0)
        blocked.gate.open()
    }

    @Test("a queue reports missed deadlines by itself, also earlier ones that come later")
    func deadlinesAreWatched() throws {
        let gate = Gate()
        let queue = TestQueue(limits: try limits(), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        _ = try queue.submit("blocker", [0], byteCount: 1) { _ in }
        try gate.awaitArrival()
        let left = Journal<String>()
        for (name, milliseconds) in [("late", 60), ("early", 20), ("past", -20), ("latest", 100)] {
            _ = try queue.submit(
                name, [1], byteCount: 1, deadline: .now + .milliseconds(milliseconds)
            ) { result in if case .failure(.deadlineExceeded) = result { left.append(name) } }
        }
        #expect(try Set(left.wait(for: 4)) == ["past", "early", "late", "latest"])
        gate.open()
    }

    @Test("overdue requests give up their places when the queue is full")
    func overdueRequestsMakeWay() throws {
        let blocked = try Blocked(maxWaiting: 1)
        _ = try blocked.submit(1, timeout: .seconds(1))
        #expect(throws: ComputeQueueRefusal.self) { try blocked.submit(2) }
        blocked.clock.advance(by: .seconds(1))
        _ = try blocked.submit(3)
        try blocked.outcomes.wait(for: 1)
        blocked.gate.open()
        #expect(try blocked.outcomes.wait(for: 1).map(\.error) == [.deadlineExceeded, nil])
        #expect(blocked.computed.all == [[3]])
    }
}
