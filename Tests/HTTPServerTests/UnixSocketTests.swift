import Foundation
import Glibc
import HTTPCore
import TestSupport
import Testing

@testable import HTTPServer

@Suite("Server: Unix and inherited sockets")
struct UnixSocketTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "s\(UInt32.random(in: 0 ... .max))").path

    private func server(_ permissions: UInt32 = 0o660) throws -> Server {
        var configuration = ServerConfiguration()
        configuration.endpoint = .unix(path: path, permissions: permissions)
        return try Server(configuration: configuration, handler: try TestService(), logger: RunningServer.silent)
    }

    private func stop(_ server: Server) {
        let stopped = DispatchSemaphore(value: 0)
        server.stop { _ in stopped.signal() }
        stopped.wait()
    }

    @Test("serves at a path with the requested permissions, and removes it at the end")
    func serves() throws {
        let server = try server(0o600)
        #expect(try server.start() == .unix(path: path))
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let client = try LoopbackClient(path: path)
        try client.send(RunningServer.get())
        #expect(try client.response().status == 200)
        stop(server)
        #expect(lstat(path, &status) != 0)
    }

    @Test("replaces a socket file that nobody listens on, and no other file")
    func abandoned() throws {
        let first = try server()
        try first.start()
        #expect(throws: ServerError.self) { try server().start() }
        stop(first)
        // What a killed process leaves behind.
        let left = try ListeningSocket(.unix(path: path, permissions: 0o600))
        close(left.descriptor)
        let second = try server()
        try second.start()
        stop(second)
        try Data("a file".utf8).write(to: URL(filePath: path))
        #expect(throws: ServerError.self) { try server().start() }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a file")
        unlink(path)
    }

    @Test("refuses a path that does not fit a socket address", arguments: ["", String(repeating: "x", count: 108)])
    func badPath(_ path: String) {
        #expect(throws: ServerError.invalidPath(path)) {
            _ = try ListeningSocket(.unix(path: path, permissions: 0o600))
        }
    }

    @Test("serves on an inherited socket, and refuses other descriptors")
    func inherited() throws {
        let given = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let running = try RunningServer { $0.endpoint = .inherited(descriptor: given.descriptor) }
        #expect(running.port == given.address.port)
        let client = try running.client()
        try client.send(RunningServer.get())
        #expect(try client.response().status == 200)
        #expect(throws: ServerError.self) { _ = try ListeningSocket(.inherited(descriptor: 0)) }
    }
}
