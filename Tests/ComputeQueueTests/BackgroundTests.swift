import Clocks
import Synchronization
import Testing

@testable import ComputeQueue

@Suite("Background tasks")
struct BackgroundTests {
    private typealias Tasks = BackgroundTasks<String, Int>

    private func tasks(_ names: [String], limit: Int = 8) throws -> Tasks {
        var tasks = Tasks(limit: limit)
        for name in names { _ = try tasks.admit(name, deadline: nil) }
        return tasks
    }

    @Test("a task is computed to its end before the next begins")
    func order() throws {
        var tasks = try tasks(["a", "b"])
        if let first = tasks.next(requestsWait: false) { tasks.putBack(first) }
        let order = (0..<3).map { _ in tasks.next(requestsWait: false)?.task }
        #expect(order == ["a", "b", nil])
    }

    @Test("while requests wait, every second turn is a task's")
    func turns() throws {
        var tasks = try tasks(["a", "b", "c"])
        let turns = (0..<6).map { _ in tasks.next(requestsWait: true)?.task }
        #expect(turns == [nil, "a", nil, "b", nil, "c"])
    }

    @Test("tasks that wait are limited; cancelled and overdue ones make room")
    func departures() throws {
        var tasks = try tasks(["a"], limit: 3)
        let second = try tasks.admit("b", deadline: nil)
        _ = try tasks.admit("c", deadline: 5)
        #expect(throws: ComputeQueueRefusal.full(waiting: 3, limit: 3)) { _ = try tasks.admit("d", deadline: nil) }
        let cancelled = [tasks.cancel(second), tasks.cancel(second)].map { $0?.task }
        #expect(cancelled == ["b", nil])
        let overdue = [4, 5].map { tasks.removeOverdue(at: $0).map(\.task) }
        #expect(overdue == [[], ["c"]])
        #expect(tasks.waiting.map(\.task) == ["a"])
    }

    @Test("requests are computed between the slices of a task, on one loop")
    func slices() throws {
        let journal = Journal<String>()
        let gate = Gate()
        let queue = TestQueue(limits: try limits(), name: "test") { work, items, _ in
            journal.append(work)
            return items
        }
        let slices = Atomic(0)
        _ = try queue.submit(
            BackgroundTask(deadline: nil) {
                let number = slices.add(1, ordering: .relaxed).newValue
                if number == 1 { gate.pass() }
                journal.append("slice \(number)")
                return number < 3 ? .unfinished : .complete
            } leave: { _ in
                journal.append("left")
            })
        try gate.awaitArrival()
        for work in ["a", "b", "c"] { _ = try queue.submit(work, [1], byteCount: 1) { _ in } }
        gate.open()
        #expect(try journal.wait(for: 6) == ["slice 1", "a", "slice 2", "b", "slice 3", "c"])
    }

    @Test("a task leaves once: cancelled or overdue while it waits, or at its end")
    func leaving() throws {
        let clock = FakeClock()
        let gate = Gate()
        let queue = TestQueue(limits: try limits(maxWaiting: 8), name: "test", now: { clock.now }) { _, items, _ in
            gate.pass()
            return items
        }
        _ = try queue.submit("blocker", [0], byteCount: 1) { _ in }
        try gate.awaitArrival()
        let left = Journal<ComputeQueueError>()
        func task(_ deadline: Instant?) -> BackgroundTask {
            BackgroundTask(deadline: deadline) {
                .complete
            } leave: {
                left.append($0)
            }
        }
        let ticket = try queue.submit(task(nil))
        _ = try queue.submit(task(clock.now + .seconds(1)))
        #expect(queue.waitingTasks == 2)
        #expect(throws: ComputeQueueRefusal.full(waiting: 2, limit: 2)) { _ = try queue.submit(task(nil)) }
        #expect(ticket.cancel() && !ticket.cancel())
        clock.advance(by: .seconds(1))
        queue.expireOverdue()
        #expect(try left.wait(for: 2) == [.cancelled, .deadlineExceeded])
        #expect(queue.waitingTasks == 0)
        gate.open()
    }

    @Test("a waiting task whose deadline passes leaves by itself, one that is put back too")
    func deadlinesAreWatched() throws {
        let gate = Gate()
        let queue = TestQueue(limits: try limits(maxWaiting: 8), name: "test") { _, items, _ in
            gate.pass()
            return items
        }
        // On a busy machine a deadline may pass before the first slice: then another task gets twice the time.
        var time = Duration.milliseconds(20)
        var events = Journal<String>()
        while true {
            let (begun, journal) = (Gate(), Journal<String>())
            _ = try queue.submit(
                BackgroundTask(deadline: .now + time) {
                    journal.append("begun")
                    begun.pass()
                    return .unfinished
                } leave: { error in
                    journal.append(error == .deadlineExceeded ? "overdue" : "left")
                })
            if try journal.wait(for: 1) == ["begun"] {
                _ = try queue.submit("blocker", [0], byteCount: 1) { _ in }
                begun.open()
                events = journal
                break
            }
            time *= 2
        }
        try gate.awaitArrival()
        let waiting = Journal<ComputeQueueError>()
        _ = try queue.submit(
            BackgroundTask(deadline: .now + .milliseconds(20)) {
                .unfinished
            } leave: {
                waiting.append($0)
            })
        #expect(try events.wait(for: 1) == ["begun", "overdue"])
        #expect(try waiting.wait(for: 1) == [.deadlineExceeded])
        gate.open()
    }

    @Test("a task that is given up says nothing about the time of others")
    func abandonedTasks() throws {
        let clock = FakeClock()
        let gate = Gate()
        let queue = TestQueue(limits: try limits(maxWaiting: 16), name: "test", now: { clock.now }) { _, items, _ in
            items
        }
        func submit(_ progress: BackgroundProgress, price: Int, seconds: Int) throws {
            let ended = Journal<Int>()
            _ = try queue.submit(
                BackgroundTask(price: price, deadline: nil) {
                    clock.advance(by: .seconds(seconds))
                    ended.append(price)
                    return progress
                } leave: { _ in
                })
            _ = try ended.wait(for: 1)
        }
        try submit(.complete, price: 10, seconds: 5)
        try submit(.abandoned, price: 1_000_000, seconds: 1)
        _ = try queue.submit(
            BackgroundTask(price: 20, deadline: nil) {
                gate.pass()
                return .complete
            } leave: { _ in
            })
        try gate.awaitArrival()
        #expect(queue.taskRetryAfterSeconds == 10, "half a second for each of 20")
        gate.open()
    }

    @Test("the estimate counts tasks by their price, and half the turns for requests")
    func estimates() throws {
        let clock = FakeClock()
        let gate = Gate()
        let ended = Journal<Int>()
        let queue = TestQueue(limits: try limits(maxWaiting: 16), name: "test", now: { clock.now }) { _, items, _ in
            items
        }
        func submit(price: Int, seconds: Int, waits: Bool = false) throws {
            _ = try queue.submit(
                BackgroundTask(price: price, deadline: nil) {
                    if waits { gate.pass() }
                    clock.advance(by: .seconds(seconds))
                    ended.append(price)
                    return .complete
                } leave: { _ in
                })
        }
        try submit(price: 10, seconds: 5)
        _ = try ended.wait(for: 1)
        #expect(queue.taskRetryAfterSeconds <= 5)
        try submit(price: 4, seconds: 2, waits: true)
        try gate.awaitArrival()
        try submit(price: 8, seconds: 4)
        #expect(queue.taskRetryAfterSeconds == 6, "half a second for each of 12")
        #expect(queue.retryAfterSeconds == 1, "no request waits")
        gate.open()
        #expect(try ended.wait(for: 2) == [10, 4, 8])
    }
}
