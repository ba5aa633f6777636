import Batching
import Dispatch
import Testing

@Suite struct BatcherTests {
    @Test("each request receives its own items' outputs in order")
    func outputsReturnToTheirRequest() throws {
        let batcher = TestBatcher(policy: try policy(), name: "test") { _, items, _ in items.map { $0 * 10 } }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: [1, 2, 3], byteCount: 3) { outcomes.append($0) }
        let result = try #require(try outcomes.wait(for: 1).first).get()
        #expect(result.outputs == [10, 20, 30])
    }

    @Test("a request larger than a batch is computed in parts", arguments: [1, 3, 10, 11])
    func largeRequestIsSplit(maxBatch: Int) throws {
        let observer = JournalObserver()
        let batcher = TestBatcher(policy: try policy(maxBatch: maxBatch), name: "test", observer: observer) {
            _, items, _ in
            items.map { $0 + 1 }
        }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: Array(0..<10), byteCount: 1) { outcomes.append($0) }
        let result = try #require(try outcomes.wait(for: 1).first).get()
        #expect(result.outputs == Array(1...10))
        #expect(observer.batches.all.allSatisfy { $0 <= maxBatch })
        #expect(observer.batches.all.reduce(0, +) == 10)
    }

    @Test("a request without items is answered without a computation")
    func emptyRequest() throws {
        let calls = Journal<Int>()
        let batcher = TestBatcher(policy: try policy(), name: "test") { _, items, _ in
            calls.append(items.count)
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: [], byteCount: 0) { outcomes.append($0) }
        #expect(try #require(try outcomes.wait(for: 1).first).get().outputs == [])
        #expect(calls.all.isEmpty)
    }

    @Test("a computation with the wrong number of outputs is an error, and the next one is served", arguments: [-1, 1])
    func wrongOutputCount(difference: Int) throws {
        let batcher = TestBatcher(policy: try policy(maxBatch: 2), name: "test") { lane, items, _ in
            lane == "wrong" ? Array(repeating: 0, count: items.count + difference) : items
        }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "wrong", items: [1, 2], byteCount: 1) { outcomes.append($0) }
        _ = try batcher.submit(lane: "wrong", items: [1, 2, 3], byteCount: 1) { outcomes.append($0) }
        _ = try batcher.submit(lane: "right", items: [1, 2], byteCount: 1) { outcomes.append($0) }
        let results = try outcomes.wait(for: 3)
        for result in results[..<2] { #expect(result.error == .outputCount(expected: 2, received: 2 + difference)) }
        #expect(try results[2].get().outputs == [1, 2])
    }

    @Test("durations are those of the clock, and the retry time follows the measured cost per item")
    func timesAreMeasured() throws {
        let clock = FakeClock()
        let gate = Gate()
        let batcher = TestBatcher(policy: try policy(maxBatch: 2), name: "test", now: { clock.now }) { _, items, _ in
            gate.pass()
            clock.advance(by: .seconds(3))
            return items
        }
        #expect(batcher.retryAfterSeconds == 1, "nothing is measured yet")
        let outcomes = Journal<Outcome>()
        for items in [[1, 2], [3], [4]] {
            _ = try batcher.submit(lane: "a", items: items, byteCount: 1) { outcomes.append($0) }
        }
        try gate.awaitArrival()
        gate.open()
        try gate.awaitArrival()
        let load = batcher.load
        #expect(load.secondsPerItem == 1.5)
        #expect(load.requestsInFlight == 1 && load.itemsInFlight == 1)
        #expect(batcher.retryAfterSeconds == 3, "one is being computed, one waits")
        for item in 0..<60 { _ = try batcher.submit(lane: "b", items: [item], byteCount: 1) { _ in } }
        #expect(batcher.retryAfterSeconds == 60, "clients are not sent away for longer")
        gate.open(times: 62)
        let results = try outcomes.wait(for: 3).map { try $0.get() }
        #expect(results.map(\.queueDuration) == [.zero, .seconds(3), .seconds(6)])
        #expect(results.map(\.computeDuration) == [.seconds(3), .seconds(3), .seconds(3)])
    }

    @Test("load counts what waits, per lane and in flight")
    func loadIsCounted() throws {
        let gate = Gate()
        let batcher = TestBatcher(policy: try policy(), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: [1], byteCount: 7) { outcomes.append($0) }
        try gate.awaitArrival()
        _ = try batcher.submit(lane: "a", items: [2, 3], byteCount: 20) { outcomes.append($0) }
        _ = try batcher.submit(lane: "b", items: [4], byteCount: 5) { outcomes.append($0) }
        let load = batcher.load
        #expect(load.waitingRequests == 2 && load.waitingItems == 3 && load.waitingBytes == 25)
        #expect(load.waitingRequestsByLane == ["a": 1, "b": 1])
        #expect(load.requestsInFlight == 1 && load.itemsInFlight == 1)
        #expect(!load.isDraining)
        gate.open(times: 3)
        try outcomes.wait(for: 3)
    }

    @Test("every batch of a request is told how many requests wait behind it")
    func waitingIsTold() throws {
        let gate = Gate()
        let told = Journal<Int>()
        let batcher = TestBatcher(policy: try policy(maxBatch: 1), name: "test") { _, items, waiting in
            told.append(waiting)
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: [0, 1], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        for item in 2...3 { _ = try batcher.submit(lane: "a", items: [item], byteCount: 1) { outcomes.append($0) } }
        _ = try batcher.submit(lane: "b", items: [4, 5], byteCount: 1) { outcomes.append($0) }
        gate.open(times: 6)
        try outcomes.wait(for: 4)
        #expect(told.all == [0, 3, 2, 1, 0, 0])
    }

    @Test("the heartbeat tells a stuck computation from an idle batcher")
    func heartbeatShowsStall() throws {
        let clock = FakeClock()
        let gate = Gate()
        let batcher = TestBatcher(policy: try policy(), name: "test", now: { clock.now }) { _, items, _ in
            gate.pass()
            return items
        }
        clock.advance(by: .seconds(100))
        #expect(!batcher.heartbeat.isStalled(at: clock.now, limit: .seconds(10)), "idle is not stalled")
        let outcomes = Journal<Outcome>()
        _ = try batcher.submit(lane: "a", items: [1], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        #expect(batcher.heartbeat.isBusy)
        #expect(!batcher.heartbeat.isStalled(at: clock.now, limit: .seconds(10)))
        clock.advance(by: .seconds(11))
        #expect(batcher.heartbeat.isStalled(at: clock.now, limit: .seconds(10)))
        gate.open()
        try outcomes.wait(for: 1)
    }
}
