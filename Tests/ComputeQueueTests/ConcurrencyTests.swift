import ComputeQueue
import Dispatch
import Synchronization
import Testing

@Suite struct ConcurrencyTests {
    @Test("concurrent submitters fill the queue to its limit exactly")
    func queueLimitIsExact() throws {
        let gate = Gate()
        let queue = TestQueue(limits: try limits(maxWaiting: 50), name: "test") { work, items, _ in
            if work == "blocker" { gate.pass() }
            return items
        }
        _ = try queue.submit("blocker", [0], byteCount: 1) { _ in }
        try gate.awaitArrival()
        let outcomes = Journal<Outcome>()
        let refused = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 400) { item in
            do throws(ComputeQueueRefusal) {
                _ = try queue.submit("a", [item], byteCount: 1) { outcomes.append($0) }
            } catch {
                refused.add(error == .full(waiting: 50, limit: 50) ? 1 : 1000, ordering: .relaxed)
            }
        }
        #expect(refused.load(ordering: .relaxed) == 350)
        #expect(queue.waitingRequests == 50)
        gate.open()
        #expect(try outcomes.wait(for: 50).allSatisfy { $0.error == nil })
    }

    @Test(
        "every admitted request is answered once, with its own outputs, in passes within the limit", arguments: [1, 3])
    func everyRequestIsAnsweredOnce(itemsPerPass: Int) throws {
        let observer = JournalObserver()
        let queue = TestQueue(
            limits: try limits(itemsPerPass: itemsPerPass, maxWaiting: 16), name: "test", observer: observer
        ) { _, items, _ in items.map { $0 &* 7 } }
        let answers = Mutex([Int](repeating: 0, count: 600))
        let completions = Journal<Int>()
        let wrong = Atomic(0)
        let admitted = Mutex<Set<Int>>([])
        DispatchQueue.concurrentPerform(iterations: 600) { request in
            let items = Array(repeating: request, count: request % 5)
            // Every fourth is withdrawn at once: it may be waiting, computed or done by then.
            let ticket = try? queue.submit("\(request % 2)", items, byteCount: 1) { outcome in
                answers.withLock { $0[request] += 1 }
                defer { completions.append(request) }
                if let result = try? outcome.get(), result.outputs != items.map({ $0 &* 7 }) {
                    wrong.add(1, ordering: .relaxed)
                }
            }
            guard let ticket else { return }
            admitted.withLock { _ = $0.insert(request) }
            if request % 4 == 0 { ticket.cancel() }
        }
        let accepted = admitted.withLock { $0 }
        try completions.wait(for: accepted.count)
        #expect(!accepted.isEmpty)
        #expect(answers.withLock { $0 } == (0..<600).map { accepted.contains($0) ? 1 : 0 })
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(observer.passes.all.allSatisfy { (1...itemsPerPass).contains($0) })
        #expect(observer.departures.all.count == accepted.count)
        #expect(queue.waitingRequests == 0)
    }

    @Test("as many requests are computed at a time as the limits say, one a loop, and no more")
    func requestsAreComputedSideBySide() throws {
        let gate = Gate()
        let computed = Journal<[Int]>()
        let queue = TestQueue(limits: try limits(parallelism: 3), name: "test") { _, items, _ in
            computed.append(items)
            gate.pass()
            return items
        }
        let outcomes = Journal<Outcome>()
        for item in 0..<5 {
            _ = try queue.submit("a", [item], byteCount: 1) { outcomes.append($0) }
        }
        for _ in 0..<3 { try gate.awaitArrival() }
        #expect(Set(computed.all) == [[0], [1], [2]])
        #expect(queue.waitingRequests == 2)
        #expect(queue.heartbeat.isBusy)
        gate.open(times: 5)
        #expect(try Set(outcomes.wait(for: 5).map { try $0.get().outputs }) == [[0], [1], [2], [3], [4]])
        #expect(computed.all.allSatisfy { $0.count == 1 })
    }

    @Test("one stalled computation shows in the heartbeat, even while other loops make progress")
    func heartbeatShowsTheSlowest() throws {
        let clock = FakeClock()
        let gate = Gate()
        let queue = TestQueue(
            limits: try limits(parallelism: 2), name: "test", now: { clock.now },
            compute: { work, items, _ in
                if work == "stuck" { gate.pass() }
                return items
            })
        let outcomes = Journal<Outcome>()
        _ = try queue.submit("stuck", [0], byteCount: 1) { outcomes.append($0) }
        try gate.awaitArrival()
        clock.advance(by: .seconds(10))
        _ = try queue.submit("a", [1], byteCount: 1) { outcomes.append($0) }
        try outcomes.wait(for: 1)
        #expect(queue.heartbeat.isStalled(at: clock.now, limit: .seconds(9)))
        #expect(!queue.heartbeat.isStalled(at: clock.now, limit: .seconds(11)))
        gate.open()
        try outcomes.wait(for: 1)
    }

    @Test("every admitted request is answered once where several are computed at a time")
    func answersSideBySide() throws {
        let queue = TestQueue(limits: try limits(maxWaiting: 1000, parallelism: 4), name: "test") { _, items, _ in
            items.map { $0 &* 7 }
        }
        let answers = Mutex([Int](repeating: 0, count: 600))
        let completions = Journal<Int>()
        DispatchQueue.concurrentPerform(iterations: 600) { request in
            _ = try? queue.submit("\(request % 2)", [request], byteCount: 1) { outcome in
                defer { completions.append(request) }
                answers.withLock { $0[request] += (try? outcome.get().outputs) == [request &* 7] ? 1 : 1000 }
            }
        }
        try completions.wait(for: 600)
        #expect(answers.withLock { $0 } == [Int](repeating: 1, count: 600))
    }

    @Test("requests of one submitter are answered in the order of submission")
    func orderIsKept() throws {
        let computed = Journal<[Int]>()
        let queue = TestQueue(limits: try limits(maxWaiting: 1000), name: "test") { _, items, _ in
            computed.append(items)
            return items
        }
        let outcomes = Journal<Outcome>()
        for item in 0..<500 {
            _ = try queue.submit("a", [item], byteCount: 1) { outcomes.append($0) }
        }
        let answers = try outcomes.wait(for: 500).flatMap { try $0.get().outputs }
        #expect(answers == Array(0..<500))
        #expect(computed.all.flatMap { $0 } == Array(0..<500))
    }
}
