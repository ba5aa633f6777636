import Foundation
import Glibc
import TestSupport
import Testing
import WeightFormats

@Suite("Program: serve")
struct ServeTests {
    @Test("answers several requests on one connection, HEAD and methods that are not offered")
    func connection() throws {
        let service = try RunningService()
        let client = try service.client()
        let body = try Sample.bytes("net0.safetensors")
        let first = try client.post("/v1/classify", body)
        let second = try client.post("/v1/classify", body)
        #expect(first.status == 200 && second.status == 200)
        #expect(try JSONValue.parse(first.body)["predictions"] == JSONValue.parse(second.body)["predictions"])
        #expect(first.value("X-Request-Id") != second.value("X-Request-Id"))
        #expect(try JSONValue.parse(first.body)["id"]?.string == first.value("X-Request-Id"))
        for name in ["Date", "Server-Timing", "Content-Length"] { #expect(first.value(name) != nil, "\(name)") }
        let page = try client.get("/v1/models")
        try client.send("HEAD /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try client.response(toHead: true)
        #expect(head.status == 200 && head.value("Content-Length") == page.value("Content-Length"))
        let method = try client.get("/v1/classify")
        #expect(method.status == 405 && method.value("Allow") == "OPTIONS, POST")
        let last = try client.get("/livez", "Connection: close\r\n")
        #expect(last.status == 200)
        #expect(try client.isAtEnd())
    }

    @Test("health reports by its exit status whether a service is alive and ready")
    func health() throws {
        let service = try RunningService()
        let environment = ["WEIGHTSPACE_PORT": "\(service.port)"]
        for (arguments, word) in [([], "alive"), (["--ready"], "ready")] as [([String], String)] {
            let outcome = try Program.run(["health"] + arguments, environment: environment)
            #expect(outcome.status == 0 && outcome.lines == [word], "\(outcome.errors)")
        }
        _ = try service.end()
        let outcome = try Program.run(["health"], environment: environment)
        #expect(outcome.status == 1 && outcome.errors.contains("no answer: connect"))
        #expect(try Program.run(["health", "--timeout", "0"]).status == 2)
    }

    @Test("health counts a service that answers 401 as alive, but not as ready")
    func healthWithKeys() throws {
        let scratch = try Scratch()
        let keys = try scratch.write("keys", Array("nobody sha256:\(String(repeating: "0", count: 64))\n".utf8))
        let service = try RunningService(["--keys", keys.path, "--protect-health"], waitsForReady: false)
        #expect(try Program.run(["health", "--port", "\(service.port)"]).status == 0)
        let outcome = try Program.run(["health", "--ready", "--port", "\(service.port)"])
        #expect(outcome.status == 1 && outcome.errors.contains("answered 401"))
    }

    @Test("continues to answer while nobody reads its log")
    func unreadLog() throws {
        // A pipe takes 64 KiB, and every request leaves some 200 bytes.
        let service = try RunningService(log: Pipe())
        let client = try service.client()
        for _ in 0..<800 { #expect(try client.get("/version").status == 200) }
        service.command.signal(SIGTERM)
        #expect(try service.command.outcome().status == 0)
    }

    @Test("refuses a body above the limit before it is sent")
    func bodyLimit() throws {
        let service = try RunningService(["--max-body-bytes", "1000"])
        let client = try service.client()
        try client.send(
            "POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        let reply = try client.response()
        #expect(reply.status == 413)
        #expect(try JSONValue.parse(reply.body)["code"]?.string == "body_too_large")
    }

    @Test("a malformed request leaves the number of requests in flight correct")
    func inFlight() throws {
        let service = try RunningService()
        let client = try service.client()
        try client.send("nonsense\r\n\r\n")
        #expect(try client.response().status == 400)
        #expect(try client.isAtEnd())
        let metrics = try service.client().get("/metrics").text
        #expect(metrics.contains("\nweightspace_requests_in_flight 1\n"))
        #expect(metrics.contains("code=\"400\"} 1\n"))
    }

    @Test("writes a JSON line for every request, with its id and numbers as numbers, and 'stopped' last")
    func logs() throws {
        let service = try RunningService(["--log-format", "json"])
        let client = try service.client()
        let body = try Sample.bytes("net0.pth")
        #expect(try client.post("/v1/classify", body, "X-Request-Id: trace-1\r\n").status == 200)
        #expect(try client.post("/v1/classify", [1, 2, 3], "X-Request-Id: trace-2\r\n").status == 415)
        let outcome = try service.end()
        #expect(outcome.status == 0)
        let lines = try outcome.errors.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        #expect(lines.allSatisfy { $0["time"]?.string != nil && $0["level"]?.string != nil })
        let first = try #require(lines.first { $0["request_id"]?.string == "trace-1" })
        #expect(first["method"]?.string == "POST" && first["path"]?.string == "/v1/classify")
        #expect(first["status"]?.int == 200 && first["bytes_in"]?.int == body.count)
        #expect(try #require(first["duration_ms"]?.double) > 0)
        let second = try #require(lines.first { $0["request_id"]?.string == "trace-2" })
        #expect(second["status"]?.int == 415 && second["reason"]?.string == "unknown_format")
        #expect(lines.contains { $0["message"]?.string == "ready" && $0["models"]?.int == 3 })
        #expect(lines.last?["message"]?.string == "stopped")
        #expect(try JSONValue.parse(Array(service.announcement.utf8))["address"]?.string == "127.0.0.1:\(service.port)")
    }

    @Test(
        "with a JSON log, an error before the start is a JSON line too",
        arguments: [
            (["--nonsense"], 2), (["--port", "65536"], 2), (["--models", "/nowhere"], 1),
            (["--port", "0", "--admin-socket", "/nowhere/socket"], 1),
        ] as [([String], Int32)])
    func earlyErrors(_ arguments: [String], _ status: Int32) throws {
        let outcome = try Program.run(["serve", "--log-format", "json"] + arguments)
        #expect(outcome.status == status && outcome.bytes.isEmpty)
        let lines = try outcome.errors.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        #expect(lines.last?["message"]?.string == "stopped" && lines.last?["reason"]?.string?.isEmpty == false)
    }

    @Test("text log lines have the request id, and leave out successful health checks")
    func textLogs() throws {
        let service = try RunningService(["--log-level", "info"])
        #expect(try service.client().get("/version", "X-Request-Id: trace-3\r\n").status == 200)
        #expect(try service.client().get("/livez", "X-Request-Id: trace-4\r\n").status == 200)
        let outcome = try service.end()
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.contains { $0.contains("request_id=trace-3") })
        #expect(!lines.contains { $0.contains("request_id=trace-4") })
        #expect(lines.last?.hasSuffix(" INFO stopped") == true)
    }
}

@Suite("Program: the end of serve")
struct ServeEndTests {
    private let body: [UInt8]

    init() throws { body = try Sample.bytes("net0.pth") }

    @Test(
        "a signal lets admitted requests finish, closes idle connections and ends with 0",
        arguments: [
            SIGTERM, SIGINT,
        ])
    func drains(_ number: Int32) throws {
        let service = try RunningService()
        let idle = try service.client()
        #expect(try idle.get("/readyz").status == 200)
        let busy = try service.client()
        try busy.announce("/v1/classify", length: body.count)
        service.command.signal(number)
        #expect(try idle.isAtEnd())
        #expect(throws: LoopbackClient.Failure.self) { try service.client() }
        try busy.send(body)
        let reply = try busy.response()
        #expect(reply.status == 200 && reply.value("Connection") == "close")
        #expect(try busy.isAtEnd())
        #expect(try service.command.outcome().status == 0)
    }

    @Test("during the drain delay it is not ready, but accepts and answers")
    func drainDelay() throws {
        let service = try RunningService(["--drain-delay", "1"])
        let busy = try service.client()
        try busy.announce("/v1/classify", length: body.count)
        service.command.signal(SIGTERM)
        try service.waitForNotification("STOPPING=1")
        let ready = try service.client().get("/readyz")
        #expect(ready.status == 503 && ready.text.contains("\"draining\""))
        #expect(try service.client().get("/livez").status == 200)
        try busy.send(body)
        #expect(try busy.response().status == 200)
        #expect(try service.command.outcome().status == 0)
    }

    @Test("a second signal ends it at once, with 1")
    func secondSignal() throws {
        let service = try RunningService()
        let idle = try service.client()
        #expect(try idle.get("/readyz").status == 200)
        let busy = try service.client()
        try busy.announce("/v1/classify", length: body.count)
        service.command.signal(SIGTERM)
        #expect(try idle.isAtEnd())
        service.command.signal(SIGTERM)
        let outcome = try service.command.outcome()
        #expect(outcome.status == 1 && outcome.errors.split(separator: "\n").last?.contains("stopped") == true)
    }

    @Test("a request that is not finished within the drain timeout is cut off, and the exit code is 1")
    func drainTimeout() throws {
        let service = try RunningService(["--drain-timeout", "0.1"])
        let busy = try service.client()
        try busy.announce("/v1/classify", length: body.count)
        let outcome = try service.end()
        #expect(outcome.status == 1)
        let last = try #require(outcome.errors.split(separator: "\n").last)
        #expect(
            last.hasSuffix(#" ERROR stopped reason="drain timeout: connections closed with unanswered requests: 1""#))
    }

    @Test("a signal before the models are loaded ends it with 0")
    func earlySignal() throws {
        let service = try RunningService(waitsForReady: false)
        #expect(try service.end().status == 0)
    }
}
