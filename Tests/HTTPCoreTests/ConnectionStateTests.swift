import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("ConnectionState: requests and answers")
struct ConnectionStateTests {
    private let good = RequestText.get()

    private func manual(_ limits: HTTPLimits = HTTPLimits()) throws -> ConnectionDriver {
        let driver = try ConnectionDriver(limits: limits)
        driver.answersAtOnce = false
        return driver
    }

    @Test("sends answers in the order of requests, whatever order they arrive in")
    func order() throws {
        let driver = try manual()
        driver.receive(good + good + good)
        #expect(driver.pending.map(\.exchange) == [0, 1, 2])
        driver.answer(2, "third")
        driver.answer(1, "second")
        #expect(driver.sent.isEmpty)
        driver.answer(0, "first")
        #expect(try driver.responses().map(\.text) == ["first", "second", "third"])
        #expect(driver.records.map(\.status) == [200, 200, 200])
        #expect(driver.closed == nil)
    }

    @Test("ignores a second answer and one to no request")
    func repeatedAnswers() throws {
        let driver = try manual()
        driver.receive(good)
        driver.answer(0, "a")
        driver.answer(0, "b")
        driver.answer(7, "c")
        #expect(try driver.responses().map(\.text) == ["a"])
    }

    @Test("stops reading at the pipelining limit and goes on when an answer is out")
    func pipelineLimit() throws {
        var limits = HTTPLimits()
        limits.maxPipelined = 2
        let driver = try manual(limits)
        driver.receive(good + good)
        #expect(driver.wantsInput)
        driver.receive(good + good)
        #expect(driver.pending.count == 2)
        #expect(!driver.wantsInput)
        driver.answer(0, "a")
        #expect(driver.pending.count == 3)
        driver.answer(1, "b")
        #expect(driver.pending.count == 4)
        #expect(driver.wantsInput)
    }

    @Test("counts answers that the client does not read against the pipelining limit")
    func unreadAnswers() throws {
        var limits = HTTPLimits()
        limits.maxPipelined = 2
        let driver = try ConnectionDriver(limits: limits)
        driver.sendWindow = 10
        driver.receive(good + good + good)
        #expect(driver.admittedHeads.count == 2)
        driver.sendWindow = .max
        driver.run()
        #expect(try driver.responses().count == 3)
    }

    @Test("reads no further request while earlier ones hold too many body bytes")
    func heldBytes() throws {
        var limits = HTTPLimits()
        limits.maxPipelinedBytes = 3
        let driver = try manual(limits)
        driver.receive(RequestText.post("Content-Length: 3\r\n") + good)
        #expect(driver.pending.count == 1)
        driver.answer(0, "a")
        #expect(driver.pending.count == 2)
    }

    @Test("takes small bodies and no large ones while memory is short", arguments: [true, false])
    func shortMemory(_ isChunked: Bool) throws {
        var limits = HTTPLimits()
        limits.maxBodyBytesWhenShort = 4
        let driver = try ConnectionDriver(limits: limits)
        driver.state.isMemoryShort = true
        driver.receive(RequestText.post("Content-Length: 4\r\n", "abcd"))
        driver.receive(
            isChunked
                ? RequestText.chunked("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
                : RequestText.post("Content-Length: 5\r\n", "abcde"))
        let responses = try driver.responses()
        #expect(responses.map(\.status) == [200, 503])
        #expect(responses.last?.values("Retry-After") == ["5"])
        #expect(responses.last?.text.contains("overloaded") == true)
        #expect(driver.hasShutDown)
        #expect(driver.state.heldBytes == 0)
    }

    @Test("gives small answers and no large ones while memory is short")
    func shortMemoryForAnswers() throws {
        var limits = HTTPLimits()
        limits.maxBodyBytesWhenShort = 400
        let driver = try manual(limits)
        for _ in 0..<2 { driver.receive(RequestText.post("Content-Length: 3\r\n")) }
        driver.receive(good)
        driver.state.isMemoryShort = true
        driver.answer(0, String(repeating: "x", count: 400))
        driver.answer(1, String(repeating: "x", count: 401))
        driver.answer(2, String(repeating: "x", count: 401))
        let responses = try driver.responses()
        #expect(responses.map(\.status) == [200, 503, 200], "a page is not an upload's answer")
        #expect(responses[1].text.contains("overloaded"))
    }

    @Test("reads no further request while earlier answers wait to be sent")
    func unsentAnswers() throws {
        var limits = HTTPLimits()
        limits.maxPipelinedBytes = 100
        let driver = try manual(limits)
        driver.sendWindow = 0
        driver.receive(good)
        driver.answer(0, String(repeating: "x", count: 100))
        driver.receive(good)
        #expect(driver.pending.count == 1)
        driver.sendWindow = .max
        driver.run()
        #expect(driver.pending.count == 2)
    }

    @Test("counts bodies until they are answered, and answers until they are sent")
    func counting() throws {
        let driver = try manual()
        driver.sendWindow = 0
        driver.receive(RequestText.post("Content-Length: 5\r\n", "abc"))
        #expect(driver.state.heldBytes == 3)
        driver.receive("de")
        driver.receive(RequestText.post("Content-Length: 2\r\n", "fg"))
        #expect(driver.state.heldBytes == 7)
        driver.answer(1, String(repeating: "x", count: 1000))
        #expect(driver.state.heldBytes == 1005)
        driver.answer(0, "a")
        #expect(driver.state.heldBytes > 1001)
        driver.sendWindow = .max
        driver.run()
        #expect(driver.state.heldBytes == 0)
    }

    @Test("closes after the last permitted request, and says so")
    func requestLimit() throws {
        var limits = HTTPLimits()
        limits.maxRequestsPerConnection = 2
        let driver = try ConnectionDriver(limits: limits)
        driver.receive(good + good + good)
        let responses = try driver.responses()
        #expect(responses.map { $0.values("Connection") } == [[], ["close"]])
        #expect(driver.hasShutDown)
    }

    @Test("sends 100 Continue only after earlier answers")
    func continueInOrder() throws {
        let driver = try manual()
        driver.receive(good + RequestText.post("Content-Length: 3\r\nExpect: 100-continue\r\n", ""))
        #expect(driver.sent.isEmpty)
        driver.answer(0, "a")
        #expect(try driver.responses().map(\.status) == [200, 100])
        driver.receive("abc")
        driver.answer(1, "b")
        #expect(try driver.responses().map(\.status) == [200, 100, 200])
    }

    @Test("asks for admission before 100 Continue, and a refusal replaces it")
    func refusalBeforeContinue() throws {
        let driver = try ConnectionDriver()
        driver.admission = { _ in .refuse(HTTPError.tooManyConnections(limit: 1).response(requestID: "r")) }
        driver.receive(RequestText.post("Content-Length: 3\r\nExpect: 100-continue\r\n", ""))
        let responses = try driver.responses()
        #expect(responses.map(\.status) == [503])
        #expect(responses.first?.value("Retry-After") == "1")
        #expect(driver.endsForClient)
    }

    @Test(
        "drops a short refused body and serves on; ends at a long or chunked one",
        arguments: [
            ("Content-Length: 3\r\n", "abc", true), ("", "", true), ("Content-Length: 9999999\r\n", "abc", false),
            ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", false),
        ])
    func refusedBody(_ fields: String, _ body: String, _ staysOpen: Bool) throws {
        let driver = try ConnectionDriver()
        driver.admission = { head in
            head.method == "POST" ? .refuse(Response(.unauthorized)) : .accept(maxBodyBytes: 0, respond: { _, _ in })
        }
        driver.receive(RequestText.post(fields, body) + good)
        #expect(try driver.responses().map(\.status) == (staysOpen ? [401, 200] : [401]))
        #expect(driver.endsForClient != staysOpen)
    }

    @Test(
        "applies the handler's own body limit, to known lengths and to chunks",
        arguments: [
            "Content-Length: 5\r\n\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n",
        ])
    func admittedLimit(_ rest: String) throws {
        let driver = try ConnectionDriver()
        driver.admission = { _ in .accept(maxBodyBytes: 4, respond: { _, _ in }) }
        driver.receive("POST /echo HTTP/1.1\r\nHost: a\r\n" + rest)
        let responses = try driver.responses()
        #expect(responses.map(\.status) == [413])
        #expect(responses.first?.text.contains("limit of 4 bytes") == true)
        #expect(driver.records.map(\.reason) == ["body_too_large"])
    }

    @Test("lets a handler end the connection, and drops what was pipelined behind")
    func handlerCloses() throws {
        let driver = try manual()
        driver.receive(good + good)
        var response = Response(.ok)
        response.closesConnection = true
        driver.state.reply(to: 0, with: response, at: driver.now)
        driver.run()
        #expect(try driver.responses().map { $0.values("Connection") } == [["close"]])
        #expect(driver.cancelled == [1])
        #expect(driver.records.map(\.status).sorted() == [200, 499])
        #expect(driver.hasShutDown)
    }

    @Test("repeats the client's request ID, and makes one for requests without")
    func requestNames() throws {
        let driver = try ConnectionDriver()
        driver.receive(RequestText.get("/", "X-Request-Id: mine-1\r\n") + good)
        let names = try driver.responses().map { $0.value("X-Request-Id") }
        #expect(names.first == "mine-1")
        #expect(names.last??.count == 26)
    }

    @Test("records method, path, sizes and reason of each request, and the context that it was admitted with")
    func records() throws {
        let driver = try ConnectionDriver()
        driver.admission = { head in
            .accept(maxBodyBytes: .max, context: TestContext(head.target.path == "/echo" ? "/echo" : nil)) { _, _ in }
        }
        driver.receive(RequestText.post("Content-Length: 3\r\n") + RequestText.get("/no?a=b") + "BAD\r\n")
        #expect(driver.records.map(\.method) == ["POST", "GET", nil])
        #expect(driver.records.map(\.path) == ["/echo", "/no", nil])
        #expect(driver.records.map(\.status) == [200, 404, 400])
        #expect(driver.records.map(\.bytesIn) == [3, 0, 0])
        #expect(driver.records.map(\.bytesOut).reduce(0, +) == driver.sent.count)
        #expect(driver.records.map(\.route) == ["/echo", nil, nil])
        #expect(driver.records.map(\.reason) == [nil, "no_such_path", "bad_request"])
        #expect(driver.records.allSatisfy { $0.peer == "192.0.2.1:1234" })
    }
}

private final class TestContext: RequestContext {
    let route: String?

    init(_ route: String?) { self.route = route }
}

@Suite("ConnectionState: ends of connections")
struct ConnectionEndTests {
    private let good = RequestText.get()

    private func manual() throws -> ConnectionDriver {
        let driver = try ConnectionDriver()
        driver.answersAtOnce = false
        return driver
    }

    @Test("takes the end of input for a disconnection when the client had announced further requests")
    func hangUp() throws {
        let driver = try manual()
        driver.receive(good + good)
        driver.endOfInput()
        #expect(driver.cancelled == [0, 1])
        #expect(driver.closed == .clientClosed)
        #expect(driver.records.map(\.status) == [499, 499])
        #expect(driver.records.map(\.reason) == ["client_closed", "client_closed"])
        driver.answer(0, "late")
        #expect(driver.sent.isEmpty)
    }

    @Test(
        "takes it for a half-close after a client's last request",
        arguments: [
            RequestText.get("/", "Connection: close\r\n"), "GET / HTTP/1.0\r\n\r\n",
        ])
    func halfClose(_ request: String) throws {
        let driver = try manual()
        driver.receive(request)
        driver.endOfInput()
        #expect(driver.cancelled.isEmpty)
        #expect(!driver.wantsInput)
        driver.answer(0, "a")
        #expect(try driver.responses().map(\.text) == ["a"])
        #expect(driver.closed == .answered)
    }

    @Test("sends an answer that is already made before it closes")
    func halfCloseAfterAnswer() throws {
        let driver = try ConnectionDriver()
        driver.sendWindow = 0
        driver.receive(good)
        driver.endOfInput()
        #expect(driver.closed == nil)
        driver.sendWindow = .max
        driver.run()
        #expect(try driver.responses().map(\.status) == [200])
        #expect(driver.closed == .answered)
    }

    @Test(
        "answers with an error when the input ends inside a request",
        arguments: [
            "GET / HTT", "GET / HTTP/1.1\r\nHost: a\r\n", RequestText.post("Content-Length: 5\r\n"),
            RequestText.chunked("5\r\nab"),
        ])
    func incomplete(_ text: String) throws {
        let driver = try ConnectionDriver()
        driver.receive(text)
        driver.endOfInput()
        #expect(try driver.responses().map(\.status) == [400])
        #expect(driver.closed == .answered)
    }

    @Test("closes without a response when the input ends between requests")
    func quietEnd() throws {
        let driver = try ConnectionDriver()
        driver.receive(good)
        driver.endOfInput()
        #expect(driver.closed == .answered)
        #expect(try driver.responses().count == 1)
    }

    @Test("cancels everything on a reset, even after the last request")
    func reset() throws {
        let driver = try manual()
        driver.receive(RequestText.get("/", "Connection: close\r\n"))
        driver.state.reset(at: driver.now)
        driver.run()
        #expect(driver.cancelled == [0])
        #expect(driver.closed == .clientReset)
    }

    @Test("answers the requests before an error, then the error, then nothing")
    func errorInOrder() throws {
        let driver = try manual()
        driver.receive(good + "BAD\r\n" + good)
        #expect(driver.sent.isEmpty)
        driver.answer(0, "a")
        #expect(try driver.responses().map(\.status) == [200, 400])
        #expect(driver.hasShutDown && driver.closed == nil)
    }

    @Test("after an error closes one side only, drops input, and follows when the client ends")
    func lingering() throws {
        let driver = try ConnectionDriver()
        driver.receive("BAD\r\n")
        #expect(driver.hasShutDown && driver.closed == nil && driver.wantsInput)
        driver.receive(String(repeating: "x", count: 100_000))
        #expect(driver.closed == nil)
        driver.endOfInput()
        #expect(driver.closed == .lingered)
    }

    @Test("lingers for a bounded number of bytes")
    func lingeringBytes() throws {
        var limits = HTTPLimits()
        limits.maxLingerBytes = 1000
        let driver = try ConnectionDriver(limits: limits)
        driver.receive("BAD\r\n")
        driver.receive(String(repeating: "x", count: 999))
        #expect(driver.closed == nil)
        driver.receive("x")
        #expect(driver.closed == .lingered)
    }

    @Test("lingers after the last request too, so that bytes that come late do not reset the connection")
    func lateBytes() throws {
        let driver = try ConnectionDriver()
        driver.receive(RequestText.get("/", "Connection: close\r\n"))
        #expect(driver.hasShutDown && driver.closed == nil && driver.wantsInput)
        driver.receive(good)
        #expect(driver.closed == nil)
        #expect(try driver.responses().count == 1)
        driver.endOfInput()
        #expect(driver.closed == .lingered)
    }

    @Test("stops lingering where the client sends nothing and does not close")
    func quietLinger() throws {
        let driver = try ConnectionDriver()
        driver.receive(RequestText.get("/", "Connection: close\r\n"))
        driver.advance(by: HTTPTimeouts().lingerQuiet)
        #expect(driver.closed == .lingered)
    }

    @Test("answers a connection beyond the limit with an error")
    func refusedConnection() throws {
        let driver = try ConnectionDriver()
        driver.state.refuseConnection(.tooManyConnections(limit: 5), at: driver.now)
        driver.run()
        driver.receive(good)
        let responses = try driver.responses()
        #expect(responses.map(\.status) == [503])
        #expect(responses.first?.value("Retry-After") == "1")
        #expect(driver.hasShutDown)
    }
}
