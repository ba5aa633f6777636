import Dispatch
import Glibc
import HTTPCore
import TestSupport
import Testing

@testable import HTTPServer

@Suite("Server: clients that disconnect or stall")
struct HangUpTests {
    private func cancelled(_ held: TestService.Held) throws {
        let cancelled = Mailbox<Bool>()
        held.request.cancellation.onCancel { cancelled.put(true) }
        #expect(try cancelled.take())
    }

    @Test("cancels the request of a client that closes while it waits")
    func close() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/held"))
        let held = try running.service.held.take()
        #expect(!held.request.cancellation.isCancelled)
        client.close()
        try cancelled(held)
        let record = try running.service.records.take()
        #expect(record.status == 499 && record.reason == "client_closed")
        held.answer("too late")
    }

    @Test("cancels every pipelined request of a client that resets, even its last")
    func reset() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/held") + RunningServer.get("/held", "Connection: close\r\n"))
        let held = try (0..<2).map { _ in try running.service.held.take() }
        client.reset()
        for each in held { try cancelled(each) }
    }

    @Test("notices a reset after the client has closed its sending side")
    func resetAfterHalfClose() throws {
        let running = try RunningServer { $0.timeouts.idle = .milliseconds(100) }
        let client = try running.client()
        try client.send(RunningServer.get("/held", "Connection: close\r\n"))
        client.shutdownSending()
        let held = try running.service.held.take()
        client.reset()
        try cancelled(held)
    }

    @Test(
        "still answers a client that closes its sending side after its last request",
        arguments: [
            "GET /held HTTP/1.0\r\n\r\n", RunningServer.get("/held", "Connection: close\r\n"),
        ])
    func halfClose(_ request: String) throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(request)
        client.shutdownSending()
        let held = try running.service.held.take()
        // When a later connection has been served, the loop has seen the end of input too.
        for _ in 0..<2 {
            let other = try running.client()
            try other.send(RunningServer.get())
            _ = try other.response()
        }
        held.answer("here")
        #expect(try client.response().text == "here")
        #expect(try client.isAtEnd())
        #expect(!held.request.cancellation.isCancelled)
    }

    @Test("answers a client that closes its sending side right after its request")
    func immediateHalfClose() throws {
        let running = try RunningServer()
        for _ in 0..<20 {
            let client = try running.client()
            try client.send(RunningServer.get())
            client.shutdownSending()
            #expect(try client.response().text == "root")
        }
    }

    @Test("answers 408 to an incomplete head, and closes")
    func headerTimeout() throws {
        let running = try RunningServer { $0.timeouts.header = .milliseconds(80) }
        let client = try running.client()
        try client.send("GET / HTTP/1.1\r\nHost:")
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.text.contains("header_timeout"))
        #expect(try client.isAtEnd())
    }

    @Test("answers 408 to a body that stops")
    func bodyTimeout() throws {
        let running = try RunningServer { $0.timeouts.body = .milliseconds(80) }
        let client = try running.client()
        try client.send(RunningServer.post("/echo", "Content-Length: 10\r\n", "abc"))
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.text.contains("body_timeout"))
    }

    @Test("reads what arrived while it was blocked before it checks deadlines")
    func standstill() throws {
        let running = try RunningServer {
            $0.queueCount = 1
            $0.timeouts.body = .milliseconds(1500)
        }
        let uploading = try running.client()
        try uploading.send(RunningServer.post("/echo", "Content-Length: 6\r\n", "abc"))
        let other = try running.client()
        try other.send(RunningServer.get("/standstill"))
        _ = try running.service.held.take()
        try uploading.send("def")
        // The deadline has passed when that of a later upload, to another server, has.
        let clock = try RunningServer { $0.timeouts.body = .milliseconds(1500) }
        let late = try clock.client()
        try late.send(RunningServer.post("/echo", "Content-Length: 6\r\n", "abc"))
        #expect(try late.response().status == 408)
        running.service.standstill.signal()
        #expect(try uploading.response().text == "abcdef")
    }

    @Test(
        "refuses large bodies while unfinished ones use up the memory limit, and accepts them again afterwards",
        .timeLimit(.minutes(1)))
    func shortMemory() throws {
        let running = try RunningServer {
            $0.queueCount = 1
            $0.limits.maxBodyBytes = 200_000
            $0.limits.maxHeldBytes = 400_000
        }
        let large = RunningServer.post(
            "/echo", "Content-Length: 150000\r\n", String(repeating: "x", count: 150_000))
        let hoarders = try (0..<3).map { _ in try running.client() }
        for hoarder in hoarders { try hoarder.send(String(large.dropLast())) }
        func status(_ request: String) throws -> Int {
            let client = try running.client()
            try client.send(request)
            return try client.response().status
        }
        // Refused as soon as the hoarders' bytes have been read.
        while try status(large) == 200 {}
        #expect(try status(RunningServer.post("/echo", "Content-Length: 3\r\n", "abc")) == 200)
        for hoarder in hoarders { hoarder.close() }
        while try status(large) == 503 {}
    }

    @Test("closes idle and silent connections")
    func idle() throws {
        let running = try RunningServer {
            $0.timeouts.header = .milliseconds(50)
            $0.timeouts.idle = .milliseconds(50)
        }
        let silent = try running.client()
        #expect(try silent.isAtEnd())
        let idle = try running.client()
        try idle.send(RunningServer.get())
        _ = try idle.response()
        #expect(try idle.isAtEnd())
    }

    @Test("drops a client that reads nothing of a large answer")
    func writeStall() throws {
        let running = try RunningServer { $0.timeouts.writeStall = .milliseconds(150) }
        let client = try running.client()
        client.setReceiveBuffer(4096)
        try client.send(RunningServer.get("/size/12000000"))
        let record = try running.service.records.take()
        #expect(record.reason == "write_stalled")
        #expect(record.bytesOut < 12_000_000)
    }
}
