import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("ConnectionState: deadlines")
struct ConnectionDeadlineTests {
    private let good = RequestText.get()

    private func status(_ driver: ConnectionDriver) throws -> [Int] { try driver.responses().map(\.status) }

    @Test("gives a head ten seconds in total, however it arrives")
    func header() throws {
        let driver = try ConnectionDriver()
        for byte in good.utf8.prefix(9) {
            driver.receive([byte])
            driver.advance(by: .seconds(1))
        }
        #expect(driver.sent.isEmpty)
        driver.advance(by: .seconds(1))
        #expect(try status(driver) == [408])
        #expect(driver.records.map(\.reason) == ["header_timeout"])
        #expect(driver.hasShutDown)
    }

    @Test("closes a connection that sends nothing at all, without an answer")
    func silence() throws {
        let driver = try ConnectionDriver()
        driver.advance(by: .milliseconds(9999))
        #expect(driver.closed == nil)
        driver.advance(by: .milliseconds(1))
        #expect(driver.closed == .idle)
        #expect(driver.sent.isEmpty)
    }

    @Test("keeps an idle connection for 75 seconds after its last answer")
    func idle() throws {
        let driver = try ConnectionDriver()
        driver.receive(good)
        driver.advance(by: .seconds(74))
        #expect(driver.closed == nil)
        driver.receive(good)
        driver.advance(by: .seconds(74))
        #expect(driver.closed == nil)
        driver.advance(by: .seconds(1))
        #expect(driver.closed == .idle)
    }

    @Test("does not count the time that a handler takes")
    func slowHandler() throws {
        let driver = try ConnectionDriver()
        driver.answersAtOnce = false
        driver.receive(good)
        driver.advance(by: .seconds(1000))
        #expect(driver.closed == nil)
        driver.answer(0, "a")
        driver.advance(by: .seconds(74))
        #expect(driver.closed == nil)
        #expect(driver.records.map(\.duration) == [.seconds(1000)])
    }

    @Test("checks the rate of a body only after five seconds")
    func slowBody() throws {
        let driver = try ConnectionDriver()
        driver.receive(RequestText.post("Content-Length: 100000\r\n", "x"))
        driver.advance(by: .milliseconds(4999))
        #expect(driver.sent.isEmpty)
        driver.advance(by: .milliseconds(1))
        #expect(try status(driver) == [408])
        #expect(driver.records.map(\.reason) == ["body_timeout"])
    }

    @Test("gives a body thirty seconds even at a good rate")
    func longBody() throws {
        let driver = try ConnectionDriver()
        driver.receive(RequestText.post("Content-Length: 10000000\r\n", ""))
        for _ in 0..<29 {
            driver.receive([UInt8](repeating: 0, count: 2048))
            driver.advance(by: .seconds(1))
        }
        #expect(driver.sent.isEmpty)
        driver.receive([UInt8](repeating: 0, count: 2048))
        driver.advance(by: .seconds(1))
        #expect(try status(driver) == [408])
    }

    @Test("starts the timeout of a body that waits for 100 Continue when that is sent")
    func bodyAfterContinue() throws {
        let driver = try ConnectionDriver()
        driver.answersAtOnce = false
        driver.receive(good + RequestText.post("Content-Length: 3\r\nExpect: 100-continue\r\n", ""))
        driver.advance(by: .seconds(60))
        driver.answer(0, "a")
        driver.advance(by: .seconds(4))
        driver.receive("abc")
        #expect(driver.pending.count == 2)
        #expect(try status(driver) == [200, 100])
    }

    @Test("disconnects a client that reads nothing sooner while memory is short")
    func writeStallWhenShort() throws {
        let driver = try ConnectionDriver()
        driver.sendWindow = 10
        driver.receive(good)
        driver.advance(by: .seconds(2))
        #expect(driver.closed == nil)
        driver.state.isMemoryShort = true
        driver.advance(by: .milliseconds(1))
        #expect(driver.closed == .writeStalled)
    }

    @Test("ends a connection whose client reads nothing for thirty seconds")
    func writeStall() throws {
        let driver = try ConnectionDriver()
        driver.sendWindow = 10
        driver.receive(good)
        driver.advance(by: .seconds(29))
        driver.sendWindow = 5
        driver.run()
        driver.advance(by: .seconds(29))
        #expect(driver.closed == nil)
        driver.advance(by: .seconds(1))
        #expect(driver.closed == .writeStalled)
        #expect(driver.records.map(\.bytesOut) == [15])
        #expect(driver.records.map(\.reason) == ["write_stalled"])
    }

    @Test("does not time a head that the server is not reading")
    func blockedHead() throws {
        var limits = HTTPLimits()
        limits.maxPipelined = 1
        let driver = try ConnectionDriver(limits: limits)
        driver.answersAtOnce = false
        driver.receive(good + "GET / HT")
        driver.advance(by: .seconds(60))
        driver.answer(0, "a")
        driver.advance(by: .seconds(9))
        driver.receive("TP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.pending.count == 2)
    }

    @Test("lingers for two quiet seconds, and not longer than thirty in all")
    func lingering() throws {
        let driver = try ConnectionDriver()
        driver.receive("BAD\r\n")
        for _ in 0..<15 {
            driver.advance(by: .milliseconds(1900))
            driver.receive("x")
        }
        #expect(driver.closed == nil)
        driver.advance(by: .milliseconds(1500))
        #expect(driver.closed == .lingered)

        let quiet = try ConnectionDriver()
        quiet.receive("BAD\r\n")
        quiet.advance(by: .seconds(2))
        #expect(quiet.closed == .lingered)
    }

    @Test("drops a refused body within the same timeouts")
    func refusedBody() throws {
        let driver = try ConnectionDriver()
        driver.admission = { _ in .refuse(Response(.unauthorized)) }
        driver.receive(RequestText.post("Content-Length: 1000\r\n", "x"))
        #expect(try status(driver) == [401])
        driver.advance(by: .seconds(5))
        #expect(driver.hasShutDown)
        #expect(try status(driver) == [401])
    }
}

@Suite("ConnectionState: draining")
struct ConnectionDrainTests {
    private let good = RequestText.get()

    private func drain(_ driver: inout ConnectionDriver) {
        driver.state.drain(at: driver.now)
        driver.run()
    }

    @Test("closes an idle connection at once")
    func idle() throws {
        var driver = try ConnectionDriver()
        driver.receive(good)
        drain(&driver)
        #expect(driver.closed == .drained)
    }

    @Test("keeps a new connection open for five seconds, since its first request may be on the way")
    func new() throws {
        var driver = try ConnectionDriver()
        drain(&driver)
        driver.advance(by: .seconds(4))
        #expect(driver.closed == nil)
        driver.receive(good)
        #expect(try driver.responses().map { $0.values("Connection") } == [["close"]])

        var silent = try ConnectionDriver()
        drain(&silent)
        silent.advance(by: .seconds(5))
        #expect(silent.closed == .drained)
    }

    @Test("finishes requests in progress, then announces that it closes")
    func underWay() throws {
        var driver = try ConnectionDriver()
        driver.answersAtOnce = false
        driver.receive(good + good)
        drain(&driver)
        driver.receive(good)
        #expect(driver.pending.count == 2)
        driver.answer(0, "a")
        driver.answer(1, "b")
        #expect(try driver.responses().map { $0.values("Connection") } == [[], ["close"]])
        #expect(driver.hasShutDown)
    }

    @Test("lets a request finish that has begun to arrive", arguments: [10, 52])
    func arriving(_ cut: Int) throws {
        let request = Array(RequestText.post("Content-Length: 3\r\n").utf8)
        var driver = try ConnectionDriver()
        driver.receive(request.prefix(cut))
        drain(&driver)
        #expect(!driver.endsForClient)
        driver.receive(request.dropFirst(cut))
        let responses = try driver.responses()
        #expect(responses.map(\.text) == ["abc"])
        #expect(responses.first?.value("Connection") == "close")
        #expect(driver.endsForClient)
    }

    @Test("drops unfinished requests when it is cut")
    func cut() throws {
        let driver = try ConnectionDriver()
        driver.answersAtOnce = false
        driver.receive(good)
        #expect(driver.hasUnanswered)
        driver.state.cut(at: driver.now)
        driver.run()
        #expect(driver.cancelled == [0])
        #expect(driver.closed == .shutdown)
        #expect(driver.records.map(\.reason) == ["shutdown"])
    }
}
