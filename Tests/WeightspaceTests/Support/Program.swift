import Dispatch
import Foundation
import Glibc
import Synchronization

/// The program under test, as SwiftPM built it beside these tests.
enum Program {
    struct NotFound: Error {}

    static let url: URL? = {
        let test = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        #if DEBUG
            let configuration = "debug"
        #else
            let configuration = "release"
        #endif
        let folders = [
            test.map { URL(filePath: $0).deletingLastPathComponent() },
            CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent() },
            Bundle.main.bundleURL,
            root.appending(path: ".build/\(configuration)"),
        ]
        return folders.compactMap { $0?.appending(path: "weightspace") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:]
    ) throws -> Command.Outcome {
        guard let url else { throw NotFound() }
        return try Command(url, arguments, input: input, environment: environment).outcome()
    }
}

/// A running process whose output goes to files, so that no full pipe ever holds it up.
final class Command {
    struct Outcome {
        let status: Int32
        let bytes: [UInt8]
        let errors: String

        var output: String { String(decoding: bytes, as: UTF8.self) }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    struct Timeout: Error {}

    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let scratch: Scratch
    private let isOutputPiped: Bool
    /// The status, once it was waited for.
    private var status: Int32?

    /// - Parameters:
    ///   - output: where standard output goes; to a file without it.
    ///   - errors: likewise.
    init(
        _ executable: URL, _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:],
        output: Pipe? = nil, errors: Pipe? = nil
    ) throws {
        scratch = try Scratch()
        isOutputPiped = output != nil
        process.executableURL = executable
        process.arguments = arguments
        // Nothing of the caller's own environment may decide a test; sanitizers take their options from it, and what they need.
        let names: Set = ["PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "TSAN_OPTIONS", "LD_PRELOAD"]
        let inherited = ProcessInfo.processInfo.environment.filter { names.contains($0.key) }
        process.environment = inherited.merging(environment) { _, own in own }
        process.standardInput = try FileHandle(forReadingFrom: try scratch.write("input", input))
        let log = try scratch.write("errors", [])
        process.standardError = try errors ?? FileHandle(forWritingTo: log)
        process.standardOutput = try output ?? FileHandle(forWritingTo: try scratch.write("output", []))
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
    }

    deinit {
        guard status == nil else { return }
        signal(SIGKILL)
        _ = ended.wait(timeout: .now() + 10)
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end, no longer than a minute.
    func outcome() throws -> Outcome {
        if status == nil {
            guard ended.wait(timeout: .now() + 60) == .success else { throw Timeout() }
            status = process.terminationStatus
        }
        return Outcome(
            status: status ?? -1, bytes: isOutputPiped ? [] : try scratch.read("output"), errors: errors)
    }

    /// What it has written to standard error so far.
    var errors: String { (try? scratch.read("errors")).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}

/// A folder that is removed with its owner.
final class Scratch: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "weightspace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> URL {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file
    }

    func modified(_ name: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: path(name))[.modificationDate] as? Date
    }

    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url.appending(path: name))) }
}

/// Files that PyTorch, safetensors and NumPy wrote.
enum Sample {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")
    static let formats = ["pth", "safetensors", "npz", "json"]
    /// Files of the first network in other element types and layouts.
    static let variants = [
        "bfloat16.pth", "bfloat16.safetensors", "float16.pth", "float64.pth", "flat_views.pth", "nested.pth",
        "parameter.pth", "strided.pth",
    ]
    static let golden = "np_attention_mlp2.safetensors"

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }
}
