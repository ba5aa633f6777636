import Dispatch
import Glibc
import HTTPCore
import Logging
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

@Suite("Server: start, limits, drain")
struct LifecycleTests {
    private func drain(_ running: RunningServer, deadline: Duration = .seconds(30)) -> Mailbox<DrainReport> {
        let reports = Mailbox<DrainReport>()
        running.server.drain(deadline: deadline) { reports.put($0) }
        return reports
    }

    @Test("chooses a free port and returns it")
    func freePort() throws {
        let first = try RunningServer()
        let second = try RunningServer()
        #expect(first.port > 0 && second.port > 0 && first.port != second.port)
    }

    @Test("says why it cannot start")
    func cannotStart() throws {
        let running = try RunningServer()
        #expect(throws: ServerError.alreadyStarted) { try running.server.start() }
        func error(_ change: (inout ServerConfiguration) -> Void) -> ServerError? {
            #expect(throws: ServerError.self) { try RunningServer(change) }
        }
        let inUse = error { $0.endpoint = .tcp(host: "127.0.0.1", port: running.port) }
        #expect(
            inUse == .cannotListen(address: "127.0.0.1:\(running.port)", SystemError(call: "bind", number: EADDRINUSE)))
        #expect(error { $0.endpoint = .tcp(host: "127.0.0.1", port: 65_536) } == .invalidPort(65_536))
        guard case .unknownHost("not a host", _) = error({ $0.endpoint = .tcp(host: "not a host", port: 0) }) else {
            Issue.record("expected an unknown host")
            return
        }
    }

    /// Whether the machine has IPv6, found without the server.
    private static let hasIPv6: Bool = {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }()

    @Test("listens on IPv6 and accepts IPv4 clients there, under their own address", .enabled(if: hasIPv6))
    func dualStack() throws {
        let running = try RunningServer { $0.endpoint = .tcp(host: "::", port: 0) }
        let client = try running.client()
        try client.send(RunningServer.get())
        _ = try client.response()
        #expect(try running.service.records.take().peer.hasPrefix("127.0.0.1:"))
    }

    @Test("answers 503 to connections above the limit, and serves again below it")
    func connectionLimit() throws {
        let running = try RunningServer { $0.maxConnections = 1 }
        let first = try running.client()
        try first.send(RunningServer.get())
        _ = try first.response()
        let second = try running.client()
        let refusal = try second.response()
        #expect(refusal.status == 503)
        #expect(refusal.value("Retry-After") == "1")
        #expect(refusal.text.contains("too_many_connections"))
        #expect(try second.isAtEnd())
        try first.send(RunningServer.get("/", "Connection: close\r\n"))
        _ = try first.response()
        #expect(try first.isAtEnd())
        first.close()
        // The client sees the end just before the server counts the connection as closed.
        var status = 503
        for _ in 0..<1000 where status == 503 {
            let third = try running.client()
            try? third.send(RunningServer.get("/", "Connection: close\r\n"))
            status = try third.response().status
        }
        #expect(status == 200)
    }

    @Test("pauses when accept fails, then continues without having lost a connection")
    func exhaustion() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let calls = Atomic(0)
        let accepted = Mailbox<AcceptedSocket>()
        let listener = Listener(
            socket, logger: RunningServer.silent,
            accept: { descriptor in
                calls.wrappingAdd(1, ordering: .relaxed).newValue <= 2
                    ? .exhausted(SystemError(call: "accept", number: EMFILE)) : ListeningSocket.accept(descriptor)
            }, accepted: { accepted.put($0) })
        listener.start()
        let client = try LoopbackClient(port: try #require(socket.address.port))
        _ = close(try accepted.take().descriptor)
        // Two failures, one success, one look for more: no spinning in between.
        let count = calls.load(ordering: .relaxed)
        #expect(count == 3 || count == 4)
        let closed = Mailbox<Bool>()
        for _ in 0..<2 {
            listener.close { closed.put(true) }
            #expect(try closed.take())
        }
        client.close()
    }

    @Test("drains: closes idle connections, answers admitted requests, refuses new connections, then reports")
    func draining() throws {
        // On one queue, so that the busy connection knows of it when the idle one has ended.
        let running = try RunningServer { $0.queueCount = 1 }
        let idle = try running.client()
        try idle.send(RunningServer.get())
        _ = try idle.response()
        let busy = try running.client()
        try busy.send(RunningServer.get("/held"))
        let held = try running.service.held.take()

        let reports = drain(running)
        #expect(try idle.isAtEnd())
        #expect(running.server.isDraining)
        #expect(throws: LoopbackClient.Failure.self) { try running.client() }
        #expect(reports.count == 0)
        held.answer("done")
        let response = try busy.response()
        #expect(response.text == "done")
        #expect(response.value("Connection") == "close")
        #expect(try busy.isAtEnd())
        busy.close()
        #expect(try reports.take() == DrainReport(cut: 0))
        #expect(running.server.connectionCount == 0)
    }

    @Test("serves a request that has arrived but was not read when draining begins")
    func drainReadsFirst() throws {
        let running = try RunningServer { $0.queueCount = 1 }
        let clients = try (0..<20).map { _ in try running.client() }
        for client in clients {
            try client.send(RunningServer.get())
            _ = try client.response()
        }
        for client in clients { try client.send(RunningServer.get("/later")) }
        let reports = drain(running)
        for client in clients {
            #expect(try client.response().text == "later")
            client.close()
        }
        #expect(try reports.take() == DrainReport(cut: 0))
    }

    @Test("draining answers all pipelined requests that have arrived, also beyond the limit of concurrent ones")
    func drainReadsPipelined() throws {
        let running = try RunningServer { $0.queueCount = 1 }
        let client = try running.client()
        try client.send(RunningServer.get())
        _ = try client.response()
        let stander = try running.client()
        try stander.send(RunningServer.get("/standstill", "Connection: close\r\n"))
        _ = try running.service.held.take()
        // The event loop, which stands still, then finds the drain and these requests together.
        let count = 3 * ServerConfiguration().limits.maxPipelined
        try client.send(String(repeating: RunningServer.get(), count: count))
        let reports = drain(running)
        // Draining has begun when connections are refused.
        while (try? running.client()) != nil {}
        running.service.standstill.signal()
        for _ in 0..<count { #expect(try client.response().text == "root") }
        client.close()
        #expect(try reports.take() == DrainReport(cut: 0))
    }

    @Test("closes unfinished connections at the deadline, and counts them")
    func drainDeadline() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/held"))
        let held = try running.service.held.take()
        let reports = drain(running, deadline: .milliseconds(50))
        #expect(try reports.take() == DrainReport(cut: 1))
        #expect(held.request.cancellation.isCancelled)
        try client.waitForEnd()
    }

    @Test("accepts during the drain delay")
    func drainDelay() throws {
        let running = try RunningServer { $0.drainDelay = .seconds(60) }
        _ = drain(running)
        #expect(running.server.isDraining)
        let client = try running.client()
        try client.send(RunningServer.get())
        #expect(try client.response().status == 200)
        let stopped = Mailbox<DrainReport>()
        running.server.stop { stopped.put($0) }
        #expect(try stopped.take() == DrainReport(cut: 0))
    }

    @Test("stops at once, and calls the completions of every call of drain and stop")
    func stop() throws {
        let running = try RunningServer()
        let client = try running.client()
        try client.send(RunningServer.get("/held"))
        let held = try running.service.held.take()
        let first = drain(running)
        let second = Mailbox<DrainReport>()
        running.server.stop { second.put($0) }
        #expect(try first.take() == DrainReport(cut: 1))
        #expect(try second.take() == DrainReport(cut: 1))
        #expect(held.request.cancellation.isCancelled)
        #expect(try drain(running).take() == DrainReport(cut: 1))
    }

    @Test("drains a server that was never started")
    func drainUnstarted() throws {
        let server = try Server(
            configuration: ServerConfiguration(), handler: try TestService(), logger: RunningServer.silent)
        let reports = Mailbox<DrainReport>()
        server.drain(deadline: .zero) { reports.put($0) }
        #expect(try reports.take() == DrainReport())
        #expect(throws: ServerError.alreadyStarted) { try server.start() }
    }

    @Test("confirms that all its event loops make progress")
    func progress() throws {
        let running = try RunningServer()
        let confirmed = Mailbox<Bool>()
        running.server.confirmProgress { confirmed.put(true) }
        #expect(try confirmed.take())
    }
}
