import Foundation
import Glibc
import Testing

@testable import HTTPServer

@Suite("Server: health probe")
struct HealthProbeTests {
    @Test(
        "returns the status of the response, also from a server that listens on all addresses",
        arguments: ["127.0.0.1", "0.0.0.0"])
    func status(host: String) throws {
        let running = try RunningServer { $0.endpoint = .tcp(host: host, port: 0) }
        let endpoint = ListeningEndpoint.tcp(host: host, port: running.port)
        #expect(try HealthProbe.status(of: "/", at: endpoint, seconds: 20) == 200)
        #expect(try HealthProbe.status(of: "/nowhere", at: endpoint, seconds: 20) == 404)
    }

    @Test("reaches a Unix socket")
    func unixSocket() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "h\(UInt32.random(in: 0 ... .max))").path
        let endpoint = ListeningEndpoint.unix(path: path, permissions: 0o600)
        let running = try RunningServer { $0.endpoint = endpoint }
        #expect(try HealthProbe.status(of: "/", at: endpoint, seconds: 20) == 200)
        withExtendedLifetime(running) {}
    }

    @Test("reports servers that are absent, silent, or speak another protocol than HTTP")
    func noAnswer() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let endpoint = ListeningEndpoint.tcp(host: "127.0.0.1", port: try #require(socket.address.port))
        #expect(throws: HealthProbeError.noAnswer(SystemError(call: "recv", number: ETIMEDOUT))) {
            try HealthProbe.status(of: "/", at: endpoint, seconds: 1)
        }
        socket.close()
        #expect(throws: HealthProbeError.noAnswer(SystemError(call: "connect", number: ECONNREFUSED))) {
            try HealthProbe.status(of: "/", at: endpoint, seconds: 1)
        }
        #expect(throws: HealthProbeError.unknownAddress(.invalidPort(70_000))) {
            try HealthProbe.status(of: "/", at: .tcp(host: "127.0.0.1", port: 70_000), seconds: 1)
        }
        let greeter = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let thread = Thread {
            var waiting = pollfd(fd: greeter.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&waiting, 1, 20_000)
            guard case .connection(let client, _) = ListeningSocket.accept(greeter.descriptor) else { return }
            _ = SystemCalls.send(client, Array("SSH-2.0-OpenSSH_9.2 and more\r\n".utf8)[...], more: false)
            close(client)
        }
        thread.start()
        #expect(throws: HealthProbeError.self) {
            try HealthProbe.status(
                of: "/", at: .tcp(host: "127.0.0.1", port: try #require(greeter.address.port)), seconds: 20)
        }
        greeter.close()
    }
}
