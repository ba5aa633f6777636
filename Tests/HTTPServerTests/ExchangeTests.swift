import Glibc
import HTTPCore
import TestSupport
import Testing

@testable import HTTPServer

@Suite("Server: exchanges over real sockets")
struct ExchangeTests {
    @Test("serves several requests on one connection")
    func keepAlive() throws {
        let running = try RunningServer()
        let client = try running.client()
        for _ in 0..<3 {
            try client.send(RunningServer.get())
            let response = try client.response()
            #expect(response.status == 200)
            #expect(response.text == "root")
            #expect(response.value("Connection") == nil)
        }
        try client.send(RunningServer.get("/", "Connection: close\r\n"))
        #expect(try client.response().value("Connection") == "close")
        #expect(try client.isAtEnd())
    }

    @Test("answers pipelined requests in order though they are completed in reverse, from other threads")
    func pipelining() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(String(repeating: RunningServer.get("/held"), count: 3) + RunningServer.get("/later"))
        let held = try (0..<3).map { _ in try running.service.held.take() }
        for index in [2, 0, 1] { held[index].answer("answer \(index)") }
        #expect(try (0..<4).map { _ in try client.response().text } == ["answer 0", "answer 1", "answer 2", "later"])
    }

    @Test("reads a chunked body in pieces")
    func chunked() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.post("/echo", "Transfer-Encoding: chunked\r\n", "5\r\nhel"))
        try client.send("lo\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n")
        #expect(try client.response().text == "hello world")
    }

    @Test("sends 100 Continue before the body, and a final 413 in its place when the body is too large")
    func expectContinue() throws {
        let running = try RunningServer(maxBodyBytes: 10)
        let client = try running.client()
        try client.send(RunningServer.post("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n"))
        #expect(try client.response().status == 100)
        try client.send("hello")
        #expect(try client.response().text == "hello")
        try client.send(RunningServer.post("/echo", "Content-Length: 11\r\nExpect: 100-continue\r\n"))
        #expect(try client.response().status == 413)
        #expect(try client.isAtEnd())
    }

    @Test("answers HEAD, OPTIONS and a method that is not offered")
    func methods() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send("HEAD /size/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response(toHead: true).value("Content-Length") == "1000")
        try client.send("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\nDELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        let options = try client.response()
        #expect(options.status == 204)
        #expect(options.value("Allow") == "OPTIONS, POST")
        let refused = try client.response()
        #expect(refused.status == 405)
        #expect(refused.value("Allow") == "OPTIONS, POST")
        #expect(refused.value("Content-Type") == "application/problem+json")
    }

    @Test("delivers 413 to a client that sends its whole large body before it reads")
    func lingeringClose() throws {
        let running = try RunningServer(maxBodyBytes: 1024)
        let client = try running.client()
        let length = 24 * 1024 * 1024
        try client.send(RunningServer.post("/echo", "Content-Length: \(length)\r\n"))
        try client.send([UInt8](repeating: 0x78, count: length))
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        #expect(try client.isAtEnd())
    }

    @Test("bytes that come after the last answer do not reset the connection")
    func lateBytes() throws {
        let running = try RunningServer()
        for _ in 0..<20 {
            let client = try running.client()
            try client.send(RunningServer.get("/", "Connection: close\r\n"))
            // The record is written once the answer is sent, so that these bytes come after it.
            _ = try running.service.records.take()
            for _ in 0..<3 { try client.send(RunningServer.get()) }
            #expect(try client.response().text == "root")
            #expect(try client.isAtEnd())
        }
    }

    @Test("sends a response that is larger than every socket buffer to a client that reads late")
    func largeResponse() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/size/12000000") + RunningServer.get())
        let response = try client.response()
        #expect(response.body == TestService.pattern(12_000_000))
        #expect(try client.response().text == "root")
    }

    @Test("reads a body of many megabytes")
    func largeRequest() throws {
        let running = try RunningServer()
        let client = try running.client()
        let body = TestService.pattern(8_000_000)
        try client.send(RunningServer.post("/echo", "Content-Length: \(body.count)\r\n"))
        try client.send(body)
        #expect(try client.response().body == body)
    }

    @Test("answers 500 when a handler releases a request without a response")
    func droppedReply() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/dropped"))
        #expect(try client.response().status == 500)
        #expect(try running.service.records.take().reason == "internal")
    }

    @Test("refuses malformed requests with a reason")
    func malformed() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        let response = try client.response()
        #expect(response.status == 400)
        #expect(response.value("Date") != nil)
        #expect(response.value("X-Request-Id")?.count == 26)
        #expect(try client.isAtEnd())
    }

    @Test("serves more connections, one after another, than there are descriptor numbers in use")
    func descriptorReuse() throws {
        let running = try RunningServer()
        for round in 0..<300 {
            let client = try running.client()
            try client.send(RunningServer.get(round % 2 == 0 ? "/" : "/later"))
            #expect(try client.response().status == 200)
            if round % 3 == 0 { client.reset() } else { client.close() }
        }
    }

    @Test("serves many connections at once")
    func manyConnections() throws {
        let running = try RunningServer()
        let clients = try (0..<100).map { _ in try running.client() }
        for client in clients { try client.send(RunningServer.get("/later")) }
        for client in clients { #expect(try client.response().text == "later") }
    }

    @Test("writes one record for each request, with the client's address")
    func records() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.post("/echo?x=y", "Content-Length: 3\r\nX-Request-Id: me\r\n", "abc"))
        let response = try client.response()
        #expect(response.value("X-Request-Id") == "me")
        let record = try running.service.records.take()
        #expect(record.method == "POST" && record.path == "/echo" && record.status == 200)
        #expect(record.id == "me" && record.bytesIn == 3 && record.bytesOut > 100)
        #expect(record.peer.hasPrefix("127.0.0.1:"))
    }
}
