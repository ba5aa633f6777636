import Foundation
import TestSupport
import Testing
import WeightFormats

@Suite("Program: configuration of serve")
struct ConfigurationTests {
    @Test("is taken from the environment")
    func environment() throws {
        let service = try RunningService(environment: [
            "WEIGHTSPACE_PORT": "0", "WEIGHTSPACE_MAX_QUEUE": "7", "WEIGHTSPACE_LOG_FORMAT": "json",
        ])
        #expect(try service.client().get("/metrics").text.contains("\nweightspace_queue_limit 7\n"))
        #expect(service.command.errors.hasPrefix("{"))
    }

    @Test("the command line speaks louder than the environment, which speaks louder than the default")
    func printed() throws {
        let outcome = try Program.run(
            ["serve", "--print-config", "--max-queue", "9"],
            environment: ["WEIGHTSPACE_MAX_QUEUE": "7", "WEIGHTSPACE_MAX_BATCH": "3"])
        #expect(outcome.status == 0)
        #expect(outcome.lines.contains("max-queue = 9  # command line"))
        #expect(outcome.lines.contains("max-batch = 3  # WEIGHTSPACE_MAX_BATCH"))
        #expect(outcome.lines.contains("port = 8080  # default"))
        #expect(outcome.lines.contains { $0.hasPrefix("drain-timeout = 25") })
    }

    @Test(
        "a bad value ends with 2 and says where it stood and what was expected",
        arguments: [
            ("WEIGHTSPACE_PORT", "seventy", "0 to 65535"), ("WEIGHTSPACE_PORT", "65536", "0 to 65535"),
            ("WEIGHTSPACE_MAX_QUEUE", "0", "1 to 1000000"), ("WEIGHTSPACE_LOG_LEVEL", "loud", "trace"),
            ("WEIGHTSPACE_DRAIN_DELAY", "-1", "0 to 86400"), ("WEIGHTSPACE_LOG_FORMAT", "xml", "text or json"),
            ("WEIGHTSPACE_IDLE_TIMEOUT", "nan", "0.1 to 86400"), ("WEIGHTSPACE_BODY_TIMEOUT", "0", "0.1 to 86400"),
        ])
    func badEnvironment(_ name: String, _ value: String, _ expected: String) throws {
        let outcome = try Program.run(["serve"], environment: [name: value])
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(name) && outcome.errors.contains("'\(value)'"), "\(outcome.errors)")
        #expect(outcome.errors.contains(expected), "\(outcome.errors)")
        #expect(outcome.bytes.isEmpty)
    }

    @Test("--max-batch and its variable are accepted for --networks-per-pass, which has precedence")
    func formerName() throws {
        let former = try Program.run(["serve", "--print-config", "--max-batch", "3"])
        #expect(former.lines.contains("networks-per-pass = 3  # default"))
        #expect(former.lines.contains("max-batch = 3  # command line"))
        let both = try Program.run(
            ["serve", "--print-config", "--networks-per-pass", "4"], environment: ["WEIGHTSPACE_MAX_BATCH": "3"])
        #expect(both.lines.contains("networks-per-pass = 4  # command line"))
    }

    @Test(
        "a bad option ends with 2",
        arguments: [
            ["--port", "65536"], ["--port", "x"], ["--max-batch", "0"], ["--nonsense"], ["--log-level", "loud"],
            ["--protect-health"], ["--cors-origin", "https://a.example/"], ["--trusted-proxy", "10.0.0.0/8"],
        ])
    func badOption(_ arguments: [String]) throws {
        let outcome = try Program.run(["serve"] + arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(arguments[0]), "\(outcome.errors)")
    }

    @Test("a port in use ends with 1 and names it")
    func portInUse() throws {
        let service = try RunningService(waitsForReady: false)
        let outcome = try Program.run(["serve", "--port", "\(service.port)"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("cannot listen on 127.0.0.1:\(service.port)"), "\(outcome.errors)")
        #expect(outcome.errors.contains("in use"), "\(outcome.errors)")
    }

    /// A folder with a copy of the embedded model, and others that cannot be read.
    private func models(good: Bool) throws -> Scratch {
        let scratch = try Scratch()
        let files = FileManager.default
        for (name, text) in [("a-broken", "{"), ("b-incomplete", "{\"name\":\"b\"}")] {
            try files.createDirectory(at: scratch.url.appending(path: name), withIntermediateDirectories: true)
            try scratch.write("\(name)/config.json", Array(text.utf8))
        }
        try files.createDirectory(at: scratch.url.appending(path: "c-no-model"), withIntermediateDirectories: true)
        if good, let url = Program.url {
            let embedded = url.deletingLastPathComponent().appending(path: "weightspace_ModelStore.resources/Models")
            let model = try #require(try files.contentsOfDirectory(atPath: embedded.path).first)
            try files.copyItem(at: embedded.appending(path: model), to: scratch.url.appending(path: "d-good"))
        }
        return scratch
    }

    @Test("a folder that cannot be loaded is reported, and the one beside it served")
    func brokenFolder() throws {
        let folder = try models(good: true)
        let service = try RunningService(["--models", folder.url.path])
        let client = try service.client()
        #expect(try client.post("/v1/classify", try Sample.bytes("net0.pth")).status == 200)
        #expect(try JSONValue.parse(try client.get("/v1/models").body)["models"]?.array?.count == 1)
        let errors = try service.end().errors
        #expect(errors.contains("a-broken") && errors.contains("b-incomplete"), "\(errors)")
        let list = try Program.run(["models", "--json", "--models", folder.url.path])
        #expect(list.status == 1 && list.lines.count == 1 && list.errors.contains("a-broken"))
    }

    @Test("with no model that can be served there is nothing to do: 1")
    func noModels() throws {
        let folder = try models(good: false)
        let broken = try Program.run(["serve", "--port", "0", "--models", folder.url.path])
        #expect(broken.status == 1 && broken.errors.contains("a-broken"), "\(broken.errors)")
        let empty = try Scratch()
        for arguments in [["serve", "--port", "0"], ["models"], ["classify", Sample.path("net0.pth")]] {
            let none = try Program.run(arguments + ["--models", empty.url.path])
            #expect(none.status == 1, "\(arguments)")
            #expect(none.errors.contains("no model folder in '\(empty.url.path)'"), "\(none.errors)")
            let missing = try Program.run(arguments + ["--models", empty.path("missing")])
            #expect(missing.status == 1 && missing.errors.contains("cannot read"), "\(missing.errors)")
        }
    }
}
