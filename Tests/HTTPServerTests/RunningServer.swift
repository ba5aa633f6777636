import HTTPCore
import Logging
import TestSupport

@testable import HTTPServer

/// A server on a free loopback port, which is stopped when it is released.
final class RunningServer {
    let service: TestService
    let server: Server
    let port: Int

    init(
        maxBodyBytes: Int = .max, _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        change(&configuration)
        service = try TestService(maxBodyBytes: maxBodyBytes)
        server = try Server(configuration: configuration, handler: service, logger: Self.silent)
        port = try server.start().port ?? 0
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    deinit { server.stop() }

    func client() throws -> LoopbackClient { try LoopbackClient(port: port) }

    static func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
    }

    static func post(_ path: String, _ fields: String, _ body: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n\(body)"
    }
}
