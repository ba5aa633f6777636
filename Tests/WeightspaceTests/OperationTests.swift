import Foundation
import Glibc
import Tensors
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

    private func add(_ path: String, named name: String? = nil, version: String, to folder: URL) throws {
        let name = name ?? path
        let target = folder.appending(path: path)
        try? FileManager.default.removeItem(at: target)
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Self.models.appending(path: "fashion-mnist"), to: target)
        let file = target.appending(path: "config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
            .replacing(/"name" *: *"fashion-mnist"/, with: "\"name\": \"\(name)\"")
            .replacing(/"version" *: *"[^"]*"/, with: "\"version\": \"\(version)\"")
        try Data(text.utf8).write(to: file)
    }

    private func reload(_ socket: String, status: Int = 200) throws -> JSONValue {
        let client = try LoopbackClient(path: socket)
        try client.send("POST /admin/reload HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n")
        let reply = try client.response()
        #expect(reply.status == status)
        return try JSONValue.parse(reply.body)
    }

    private func versions(_ service: RunningService) throws -> [String: String] {
        let models = try JSONValue.parse(try service.client().get("/v1/models").body)["models"]?.array ?? []
        return Dictionary(
            uniqueKeysWithValues: models.compactMap { model in
                model["name"]?.string.flatMap { name in model["version"]?.string.map { (name, $0) } }
            })
    }

    @Test("a reload serves new and changed folders, and keeps the model of a folder that has broken")
    func reloading() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let socket = scratch.path("admin")
        let service = try RunningService(["--models", folder.path, "--no-embedded", "--admin-socket", socket])
        #expect(try versions(service) == ["first": "1", "second": "1"])
        try add("first", version: "2", to: folder)
        try add("third", version: "1", to: folder)
        try Data("{".utf8).write(to: folder.appending(path: "second/config.json"))
        let report = try reload(socket, status: 500)
        #expect(report["failures"]?.array?.count == 1)
        #expect(report["failures"]?.array?.first?.string?.contains("second") == true)
        #expect(try versions(service) == ["first": "2", "second": "1", "third": "1"])
        let body = try Sample.bytes("net0.pth")
        for name in ["first", "second", "third"] {
            #expect(try service.client().post("/v1/models/\(name)/classify", body).status == 200)
        }
        try FileManager.default.removeItem(at: folder.appending(path: "third"))
        #expect(try reload(socket, status: 500)["models"]?.array?.count == 2)
        try add("second", version: "2", to: folder)
        #expect(try reload(socket)["failures"]?.array?.isEmpty == true)
        try FileManager.default.removeItem(at: folder)
        #expect(try reload(socket, status: 500)["failures"]?.array?.count == 1)
        #expect(try versions(service) == ["first": "2", "second": "2"], "with nothing to load all stay")
        #expect(try service.end().status == 0)
    }

    @Test("a path of --models that is missing at a reload leaves its models served, and the others are reloaded")
    func missingPath() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let socket = scratch.path("admin")
        try add("run/model", named: "trained", version: "1", to: scratch.url)
        let service = try RunningService(
            ["--models", scratch.path("run"), "--models", folder.path, "--no-embedded", "--admin-socket", socket])
        try FileManager.default.removeItem(atPath: scratch.path("run"))
        try add("first", version: "2", to: folder)
        #expect(try reload(socket, status: 500)["failures"]?.array?.count == 1)
        #expect(try versions(service) == ["trained": "1", "first": "2", "second": "1"])
    }

    @Test("SIGHUP loads models and keys again")
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
        try service.waitForNotification("READY=1")
        let answer = try service.client().get("/v1/models", "X-Api-Key: \(words[0])\r\n")
        #expect(answer.status == 200 && answer.text.contains("\"version\":\"2\""))
        #expect(try service.end().status == 0)
    }

    @Test("a folder that is broken at the start leaves the others served")
    func brokenAtStart() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        try Data([]).write(to: folder.appending(path: "first/encoder.safetensors"))
        let service = try RunningService(["--models", folder.path, "--no-embedded"])
        #expect(try versions(service) == ["second": "1"])
        #expect(service.command.errors.contains("first"))
    }

    @Test("the service manager is notified of readiness, keep-alives, reloads and stopping")
    func notifications() throws {
        let service = try RunningService(environment: ["WATCHDOG_USEC": "100000"])
        for _ in 0..<2 { try service.waitForNotification("WATCHDOG=1") }
        service.command.signal(SIGHUP)
        for line in ["RELOADING=1", "READY=1"] { try service.waitForNotification(line) }
        service.command.signal(SIGTERM)
        try service.waitForNotification("STOPPING=1")
        #expect(try service.command.outcome().status == 0)
    }

    /// The name of the model that answers where none is named.
    private func answering(_ service: RunningService) throws -> String? {
        let reply = try service.client().post("/v1/classify", try Sample.bytes("net0.pth"))
        return try JSONValue.parse(reply.body)["model"]?["name"]?.string
    }

    @Test("folders of --models are added to the embedded model, which stays the default")
    func severalFolders() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        // As `train` leaves it.
        try add("a-run/model", named: "trained", version: "1", to: scratch.url)
        let service = try RunningService(["--models", folder.path, "--models", scratch.path("a-run")])
        #expect(
            try versions(service).keys.sorted() == [
                "cnn-accuracy", "fashion-mnist", "first", "inr-editor", "second", "trained",
            ])
        #expect(try answering(service) == "fashion-mnist")
        let environment = [
            "WEIGHTSPACE_MODELS": "\(folder.path),\(scratch.url.path)", "WEIGHTSPACE_NO_EMBEDDED": "true",
        ]
        let list = try Program.run(["models", "--json"], environment: environment)
        let names = try list.lines.map { try JSONValue.parse(Array($0.utf8))["name"]?.string }
        #expect(names == ["first", "second", "trained"], "\(list.errors)")
        let other = try Program.run(["serve", "--no-embedded"])
        #expect(other.status == 2 && other.errors.contains("--models"))
    }

    @Test("a folder that is added later does not change which model is the default")
    func defaultStays() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let arguments = ["--models", folder.path, "--no-embedded"]
        let service = try RunningService(arguments)
        #expect(try answering(service) == "first")
        try add("a-new-one", version: "1", to: folder)
        service.command.signal(SIGHUP)
        for line in ["RELOADING=1", "READY=1"] { try service.waitForNotification(line) }
        #expect(try versions(service).count == 3)
        #expect(try answering(service) == "first")
        let named = try RunningService(arguments + ["--default-model", "second"])
        #expect(try answering(named) == "second")
    }

    @Test("a default model that cannot be served is an error, not a reason for another one to answer")
    func defaultMissing() throws {
        let scratch = try Scratch()
        let folder = try folders(scratch)
        let socket = scratch.path("admin")
        let unknown = try Program.run(["serve", "--port", "0", "--models", folder.path, "--default-model", "third"])
        #expect(unknown.status == 1 && unknown.bytes.isEmpty)
        #expect(
            unknown.errors.contains(
                "no model is named 'third'; found: fashion-mnist, cnn-accuracy, inr-editor, first, second"))
        let arguments = ["--models", folder.path, "--default-model", "second"]
        let service = try RunningService(arguments + ["--admin-socket", socket])
        try FileManager.default.removeItem(at: folder.appending(path: "second"))
        #expect(try reload(socket, status: 500)["failures"]?.array?.first?.string?.contains("second") == true)
        #expect(try answering(service) == "second")
        try add("second", version: "1", to: folder)
        try Data([]).write(to: folder.appending(path: "second/encoder.safetensors"))
        let broken = try Program.run(["serve", "--port", "0"] + arguments)
        #expect(broken.status == 1 && broken.errors.contains("no default model 'second'"), "\(broken.errors)")
    }

    @Test("commands on files prefer the models that --models names, and find embedded ones by name")
    func selection() throws {
        let scratch = try Scratch()
        try add("run/model", named: "trained", version: "1", to: scratch.url)
        let arguments = ["encode", "--output", scratch.path("z.safetensors"), Sample.path("net0.pth")]
        func model(_ more: [String]) throws -> String? {
            let outcome = try Program.run(arguments + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try WeightFile.read(try scratch.read("z.safetensors")).stateDict().metadata["model"]
        }
        #expect(try model([]) == "fashion-mnist")
        #expect(try model(["--models", scratch.path("run")]) == "trained")
        #expect(try model(["--models", scratch.path("run"), "--model", "fashion-mnist"]) == "fashion-mnist")
    }
}
