import Foundation
import Glibc
import TestSupport
import Testing
import WeightFormats

@Suite("Program: operation")
struct OperationTests {
    private static let models = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/ModelStore/Resources/Models")

    /// A folder of two models, both the embedded one under different names.
    private func folders(_ scratch: Scratch) throws -> URL {
        let folder = scratch.url.appending(path: "models")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["first", "second"] { try add(name, version: "1", to: folder) }
        return folder
    }

    private func add(_ name: String, version: String, to folder: URL) throws {
        let target = folder.appending(path: name)
        try? FileManager.default.removeItem(at: target)
        try FileManager.default.copyItem(at: Self.models.appending(path: "fashion-mnist"), to: target)
        let file = target.appending(path: "config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
            .replacing(/"name" *: *"fashion-mnist"/, with: "\"name\": \"\(name)\"")
            .replacing(/"version" *: *"[^"]*"/, with: "\"version\": \"\(version)\"")
        try Data(text.utf8).write(to: file)
    }

    private func reload(_ socket: String) throws -> JSONValue {
        let client = try LoopbackClient(path: socket)
        try client.send("POST /admin/reload HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n")
        let reply = try client.response()
        #expect(reply.status == 200)
        return try JSONValue.parse(reply.body)
    }

    private func versions(_ service: RunningService) throws -> [String: String] {
        let models = try JSONValue.parse(try service.client().get("/v1/models").body)["models"]?.array ?? []
        return Dictionary(
            uniqueKeysWithValues: models.compactMap { model in
                model["name"]?.string.flatMap { name in model["version"]?.string.map { (name, $0) } }
            })
    }

    @Test("a reload takes what is new and good, and keeps what has broken as it was")
    func reloading() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let socket = scratch.path("admin")
        let service = try RunningService(["--models", folder.path, "--admin-socket", socket])
        #expect(try versions(service) == ["first": "1", "second": "1"])
        try add("first", version: "2", to: folder)
        try add("third", version: "1", to: folder)
        try Data("{".utf8).write(to: folder.appending(path: "second/config.json"))
        let report = try reload(socket)
        #expect(report["failures"]?.array?.count == 1)
        #expect(report["failures"]?.array?.first?.string?.contains("second") == true)
        #expect(try versions(service) == ["first": "2", "second": "1", "third": "1"])
        let body = try Sample.bytes("net0.pth")
        for name in ["first", "second", "third"] {
            #expect(try service.client().post("/v1/models/\(name)/classify", body).status == 200)
        }
        try FileManager.default.removeItem(at: folder.appending(path: "third"))
        #expect(try reload(socket)["models"]?.array?.count == 2)
        try FileManager.default.removeItem(at: folder)
        #expect(try reload(socket)["failures"]?.array?.count == 1)
        #expect(try versions(service) == ["first": "2", "second": "1"], "with nothing to load all stay")
        #expect(try service.end().status == 0)
    }

    @Test("SIGHUP loads models and keys anew")
    func signal() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let digest = "54e4cdb4f2a4ae4dc10b1bf525441e0271dbb5328778449bdec81becbeed6c90"
        let keys = try scratch.write("keys", Array("old sha256:\(digest)\n".utf8))
        let service = try RunningService(["--models", folder.path, "--keys", keys.path])
        #expect(try service.client().get("/v1/models").status == 401)
        let made = try Program.run(["key", "new"])
        let words = made.lines.map { $0.split(separator: ":", maxSplits: 1)[1].drop { $0 == " " } }
        try Data(String(words[1]).utf8).write(to: keys)
        try add("first", version: "2", to: folder)
        service.command.signal(SIGHUP)
        for _ in 0..<1000 where try service.client().get("/v1/models", "X-Api-Key: \(words[0])\r\n").status != 200 {
            poll(nil, 0, 10)
        }
        var isReloaded = false
        for _ in 0..<1000 where !isReloaded {
            let answer = try service.client().get("/v1/models", "X-Api-Key: \(words[0])\r\n")
            isReloaded = answer.text.contains("\"version\":\"2\"")
            if !isReloaded { poll(nil, 0, 10) }
        }
        #expect(isReloaded)
        #expect(try service.end().status == 0)
    }

    @Test("a folder that is broken at the start leaves the others served")
    func brokenAtStart() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        try Data([]).write(to: folder.appending(path: "first/encoder.safetensors"))
        let service = try RunningService(["--models", folder.path])
        #expect(try versions(service) == ["second": "1"])
        #expect(service.command.errors.contains("first"))
    }

    @Test("the service manager hears when it is ready, alive, reloading and stopping")
    func notifications() throws {
        let inbox = try DatagramInbox()
        let service = try RunningService(
            environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "100000"], waitsForReady: false)
        /// Waits for a message that holds the line.
        func hears(_ line: String) -> Bool {
            for _ in 0..<1000 {
                guard let text = inbox.take(within: 10_000) else { return false }
                if text.split(separator: "\n").contains(Substring(line)) { return true }
            }
            return false
        }
        #expect(hears("READY=1"))
        #expect(hears("WATCHDOG=1") && hears("WATCHDOG=1"))
        service.command.signal(SIGHUP)
        #expect(hears("RELOADING=1") && hears("READY=1"))
        service.command.signal(SIGTERM)
        #expect(hears("STOPPING=1"))
        #expect(try service.command.outcome().status == 0)
    }
}
