import Foundation
import Glibc
import TestSupport
import Testing

/// `weightspace serve` on a free port, ready, killed with its owner.
final class RunningService {
    enum Failure: Error { case silent, notReady(String) }

    let command: Command
    let port: Int

    /// - Parameters:
    ///   - waitsForReady: without it, returns as soon as the port is open.
    ///   - log: where standard error goes; to a file without it.
    init(
        _ arguments: [String] = [], environment: [String: String] = [:], waitsForReady: Bool = true, log: Pipe? = nil
    ) throws {
        let pipe = Pipe()
        let port = environment["WEIGHTSPACE_PORT"] == nil ? ["--port", "0"] : []
        guard let url = Program.url else { throw Program.NotFound() }
        command = try Command(url, ["serve"] + port + arguments, environment: environment, output: pipe, errors: log)
        let line = try Self.firstLine(pipe.fileHandleForReading.fileDescriptor)
        guard let match = line.wholeMatch(of: /listening on http:\/\/127\.0\.0\.1:(\d+)/), let port = Int(match.1)
        else { throw Failure.notReady("\(line) \(command.errors)") }
        self.port = port
        if waitsForReady { try waitUntil("/readyz", is: 200) }
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func client() throws -> LoopbackClient { try LoopbackClient(port: port) }

    /// Asks over and over, on a connection of its own each time, for ten seconds at most.
    func waitUntil(_ path: String, is status: Int) throws {
        var last = "no answer"
        for _ in 0..<1000 {
            let reply = try client().get(path, "Connection: close\r\n")
            if reply.status == status { return }
            last = reply.text
            poll(nil, 0, 10)
        }
        throw Failure.notReady(last)
    }

    /// Sends SIGTERM and waits for the end.
    func end() throws -> Command.Outcome {
        command.signal(SIGTERM)
        return try command.outcome()
    }

    /// A line, or what there is of it when the writer has gone.
    private static func firstLine(_ descriptor: Int32) throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, 20_000) > 0 else { throw Failure.silent }
            guard read(descriptor, &byte, 1) == 1, byte != 10 else { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }
}
