import Foundation
import HTTPCore
import TestSupport
import Testing

@testable import HTTPServer

/// Needs curl, which the project's test script installs.
@Suite("Server: curl", .enabled(if: Curl.path != nil))
struct CurlTests {
    private func temporaryFile(_ count: Int) throws -> URL {
        let url = FileManager.default.temporaryDirectory.appending(path: "curl-\(UUID().uuidString)")
        try Data(repeating: 0x61, count: count).write(to: url)
        return url
    }

    @Test("gets, and posts a file byte for byte, chunked too", arguments: [[], ["-H", "Transfer-Encoding: chunked"]])
    func post(_ extra: [String]) throws {
        let running = try RunningServer()
        let file = try temporaryFile(3_000_000)
        defer { try? FileManager.default.removeItem(at: file) }
        let base = "http://127.0.0.1:\(running.port)"
        #expect(try Curl.run([base + "/"]).output == "root")
        let echoed = try Curl.run(extra + ["--data-binary", "@" + file.path, base + "/echo"]).output
        #expect(echoed.utf8.count == 3_000_000)
    }

    @Test("is told 413 before it has sent a body that it announces with Expect")
    func expectation() throws {
        let running = try RunningServer(maxBodyBytes: 1000)
        let file = try temporaryFile(3_000_000)
        defer { try? FileManager.default.removeItem(at: file) }
        let result = try Curl.run([
            "-H", "Expect: 100-continue", "--data-binary", "@" + file.path, "-o", "/dev/null",
            "-w", "%{http_code} %{size_upload}", "http://127.0.0.1:\(running.port)/echo",
        ])
        #expect(result.output == "413 0")
    }

    @Test("uses one connection for several requests")
    func keepAlive() throws {
        let running = try RunningServer()
        let url = "http://127.0.0.1:\(running.port)/later"
        let result = try Curl.run(["-w", " %{num_connects}\n", url, url, url])
        #expect(result.output == "later 1\nlater 0\nlater 0\n")
    }

    @Test("cancels its request when curl is killed while it waits")
    func killed() throws {
        let running = try RunningServer()
        let process = try Curl.start(["http://127.0.0.1:\(running.port)/held"])
        let held = try running.service.held.take()
        let cancelled = Mailbox<Bool>()
        held.request.cancellation.onCancel { cancelled.put(true) }
        // Anything gentler may be blocked in a process that a Dispatch thread has started.
        kill(process.processIdentifier, SIGKILL)
        #expect(try cancelled.take())
    }
}

/// Runs the real curl.
enum Curl {
    static let path: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .map { $0 + "/curl" }.first { FileManager.default.isExecutableFile(atPath: $0) }

    struct NotFound: Error {}

    static func start(_ arguments: [String], output: Any = FileHandle.nullDevice) throws -> Process {
        guard let path else { throw NotFound() }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-sS", "--max-time", "20"] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    static func run(_ arguments: [String]) throws -> (output: String, status: Int32) {
        let pipe = Pipe()
        let process = try start(arguments, output: pipe)
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: output, as: UTF8.self), process.terminationStatus)
    }
}
