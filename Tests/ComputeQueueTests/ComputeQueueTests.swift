import ComputeQueue
import Dispatch
import Testing

@Suite struct ComputeQueueTests {
    @Test("each request receives its own items' outputs in order")
    func outputsReturnToTheirRequest() throws {
        let queue = TestQueue(limits: try limits(), name: "test") { _, items, _ in items.map { $0 * 10 } }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", [1, 2, 3], byteCount: 3) { outcomes.append($0) }
        let result = try #require(try outcomes.wait(for: 1).first).get()
        #expect(result.outputs == [10, 20, 30])
    }

    @Test("a request of more items than a pass is computed in several passes", arguments: [1, 3, 10, 11])
    func largeRequestIsSplit(itemsPerPass: Int) throws {
        let observer = JournalObserver()
        let queue = TestQueue(limits: try limits(itemsPerPass: itemsPerPass), name: "test", observer: observer) {
            _, items, _ in
            items.map { $0 + 1 }
        }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", Array(0..<10), byteCount: 1) { outcomes.append($0) }
        let result = try #require(try outcomes.wait(for: 1).first).get()
        #expect(result.outputs == Array(1...10))
        #expect(observer.passes.all.allSatisfy { $0 <= itemsPerPass })
        #expect(observer.passes.all.reduce(0, +) == 10)
    }

    @Test("a request without items is answered without a computation")
    func emptyRequest() throws {
        let calls = Journal<Int>()
        let queue = TestQueue(limits: try limits(), name: "test") { _, items, _ in
            calls.append(items.count)
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", [], byteCount: 0) { outcomes.append($0) }
        #expect(try #require(try outcomes.wait(for: 1).first).get().outputs == [])
        #expect(calls.all.isEmpty)
    }

    @Test("a computation with the wrong number of outputs is an error, and the next one is served", arguments: [-1, 1])
    func wrongOutputCount(difference: Int) throws {
        let queue = TestQueue(limits: try limits(itemsPerPass: 2), name: "test") { work, items, _ in
            work == "wrong" ? Array(repeating: 0, count: items.count + difference) : items
        }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("wrong", [1, 2], byteCount: 1) { outcomes.append($0) }
        _ = try queue.submit("wrong", [1, 2, 3], byteCount: 1) { outcomes.append($0) }
        _ = try queue.submit("right", [1, 2], byteCount: 1) { outcomes.append($0) }
        let results = try outcomes.wait(for: 3)
        for result in results[..<2] { #expect(result.error == .outputCount(expected: 2, received: 2 + difference)) }
        #expect(try results[2].get().outputs == [1, 2])
    }

    @Test("durations are those of the clock, and the retry time follows the measured cost per item")
    func timesAreMeasured() throws {
        let clock = FakeClock()
        let gate = Gate()
        let queue = TestQueue(limits: try limits(itemsPerPass: 2), name: "test", now: { clock.now }) { _, items, _ in
            gate.pass()
            clock.advance(by: .seconds(3))
            return items
        }
        #expect(queue.retryAfterSeconds == 1, "nothing is measured yet")
        let outcomes = Journal<Outcome>()
        for items in [[1, 2], [3], [4]] {
            _ = try queue.submit("a", items, byteCount: 1) { outcomes.append($0) }
        }
        try gate.awaitArrival()
        gate.open()
        try gate.awaitArrival()
        #expect(queue.retryAfterSeconds == 3, "1.5 s for the item being computed and for the one that waits")
        for item in 0..<60 { _ = try queue.submit("b", [item], byteCount: 1) { _ in } }
        #expect(queue.retryAfterSeconds == 60, "clients are not sent away for longer")
        gate.open(times: 62)
        let results = try outcomes.wait(for: 3).map { try $0.get() }
        #expect(results.map(\.queueDuration) == [.zero, .seconds(3), .seconds(6)])
        #expect(results.map(\.computeDuration) == [.seconds(3), .seconds(3), .seconds(3)])
    }

    @Test("what waits is listed, what is being computed is not")
    func loadIsCounted() throws {
        let gate = Gate()
        let queue = TestQueue(limits: try limits(), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", [1], byteCount: 7) { outcomes.append($0) }
        try gate.awaitArrival()
        _ = try queue.submit("a", [2, 3], byteCount: 20) { outcomes.append($0) }
        _ = try queue.submit("b", [4], byteCount: 5) { outcomes.append($0) }
        #expect(queue.waitingRequests == 2 && queue.waitingWork.sorted() == ["a", "b"])
        gate.open(times: 3)
        try outcomes.wait(for: 3)
    }

    @Test("every pass is told how many requests wait behind it")
    func waitingIsTold() throws {
        let gate = Gate()
        let told = Journal<Int>()
        let queue = TestQueue(limits: try limits(itemsPerPass: 1), name: "test") { _, items, waiting in
            told.append(waiting)
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", [0, 1], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        for item in 2...3 { _ = try queue.submit("a", [item], byteCount: 1) { outcomes.append($0) } }
        _ = try queue.submit("b", [4, 5], byteCount: 1) { outcomes.append($0) }
        gate.open(times: 6)
        try outcomes.wait(for: 4)
        #expect(told.all == [0, 3, 2, 1, 0, 0])
    }

    @Test("the heartbeat tells a stuck computation from an idle queue")
    func heartbeatShowsStall() throws {
        let clock = FakeClock()
        let gate = Gate()
        let queue = TestQueue(limits: try limits(), name: "test", now: { clock.now }) { _, items, _ in
            gate.pass()
            return items
        }
        clock.advance(by: .seconds(100))
        #expect(!queue.heartbeat.isStalled(at: clock.now, limit: .seconds(10)), "idle is not stalled")
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("a", [1], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        #expect(queue.heartbeat.isBusy)
        #expect(!queue.heartbeat.isStalled(at: clock.now, limit: .seconds(10)))
        clock.advance(by: .seconds(11))
        #expect(queue.heartbeat.isStalled(at: clock.now, limit: .seconds(10)))
        gate.open()
        try outcomes.wait(for: 1)
    }
}
