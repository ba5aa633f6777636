import Foundation
import Glibc
import TestSupport
import Testing

/// `weightspace serve` on a free port, killed with its owner.
final class RunningService {
    enum Failure: Error { case silent, notListening(String), notNotified(String) }

    let command: Command
    let port: Int
    /// What the program prints first.
    let announcement: String
    /// Stands for the service manager.
    private let inbox: DatagramInbox

    /// - Parameters:
    ///   - waitsForReady: without it, returns as soon as the port is open.
    ///   - log: where standard error goes; nil means to a file.
    init(
        _ arguments: [String] = [], environment: [String: String] = [:], waitsForReady: Bool = true, log: Pipe? = nil
    ) throws {
        let pipe = Pipe()
        let port = environment["WEIGHTSPACE_PORT"] == nil ? ["--port", "0"] : []
        guard let url = Program.url else { throw Program.NotFound() }
        inbox = try DatagramInbox()
        command = try Command(
            url, ["serve"] + port + arguments,
            environment: environment.merging(["NOTIFY_SOCKET": inbox.path]) { own, _ in own }, output: pipe,
            errors: log)
        announcement = try Self.firstLine(pipe.fileHandleForReading.fileDescriptor)
        guard let match = announcement.firstMatch(of: /listening on http:\/\/[\d.]+:(\d+)/), let port = Int(match.1)
        else { throw Failure.notListening("\(announcement) \(command.errors)") }
        self.port = port
        if waitsForReady { try waitForNotification("READY=1") }
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func client() throws -> LoopbackClient { try LoopbackClient(port: port) }

    /// Waits until the service manager is told so, at most 20 seconds for each message before it.
    func waitForNotification(_ line: String) throws {
        while let text = inbox.take(within: 20_000) {
            if text.split(separator: "\n").contains(Substring(line)) { return }
        }
        throw Failure.notNotified("\(line); the log: \(command.errors)")
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
