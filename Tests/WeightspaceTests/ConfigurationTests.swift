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

    @Test("the command line overrides the environment, which overrides the default; an empty variable is unset")
    func printed() throws {
        let outcome = try Program.run(
            ["serve", "--print-config", "--max-queue", "9"],
            environment: [
                "WEIGHTSPACE_MAX_QUEUE": "7", "WEIGHTSPACE_MAX_NETWORKS": "3", "WEIGHTSPACE_PORT": "",
                "WEIGHTSPACE_KEYS": "", "WEIGHTSPACE_MODELS": "",
            ])
        #expect(outcome.status == 0)
        #expect(outcome.lines.contains("max-queue = 9  # command line"))
        #expect(outcome.lines.contains("max-networks = 3  # WEIGHTSPACE_MAX_NETWORKS"))
        #expect(outcome.lines.contains("models = none  # default") && outcome.lines.contains("keys = none  # default"))
        #expect(outcome.lines.contains("port = 8080  # default"))
        #expect(outcome.lines.contains { $0.hasPrefix("drain-timeout = 25") })
    }

    @Test(
        "an invalid variable ends with 2 and an error with its name, value and what was expected",
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
        "an invalid option ends with 2",
        arguments: [
            ["--port", "65536"], ["--port", "x"], ["--max-batch", "0"], ["--nonsense"], ["--log-level", "loud"],
            ["--protect-health"], ["--cors-origin", "https://a.example/"], ["--trusted-proxy", "10.0.0.0/33"],
        ])
    func badOption(_ arguments: [String]) throws {
        let outcome = try Program.run(["serve"] + arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(arguments[0]), "\(outcome.errors)")
    }

    @Test("origins match however they are written, and networks of proxies are accepted")
    func access() throws {
        let service = try RunningService(
            ["--cors-origin", "HTTPS://Page.Example:443", "--trusted-proxy", "10.0.0.0/8"],
            environment: ["WEIGHTSPACE_CORS_ORIGIN": "", "WEIGHTSPACE_TRUSTED_PROXY": ""])
        let answer = try service.client().get("/livez", "Origin: https://page.example\r\n")
        #expect(answer.value("Access-Control-Allow-Origin") == "https://page.example")
    }

    @Test("an unknown variable is warned about, with the nearest setting")
    func unknownVariable() throws {
        let variables = ["WEIGHTSPACE_MAX_QEUE": "7", "WEIGHTSPACE_COLOUR": "red", "WEIGHTSPACE_PORT_80_TCP": "x"]
        let service = try RunningService(environment: variables)
        let log = try service.end().errors
        #expect(log.contains("WEIGHTSPACE_MAX_QEUE is no setting; is WEIGHTSPACE_MAX_QUEUE meant?"))
        #expect(log.contains("\"WEIGHTSPACE_COLOUR is no setting\"") && !log.contains("WEIGHTSPACE_PORT_80_TCP"))
    }

    @Test("listening beyond loopback without keys is warned about")
    func openToAll() throws {
        let scratch = try Scratch()
        let keys = try scratch.write("keys", Array("nobody sha256:\(String(repeating: "0", count: 64))\n".utf8)).path
        for (arguments, isWarned) in [
            (["--host", "0.0.0.0"], true), ([], false), (["--host", "0.0.0.0", "--keys", keys], false),
        ] {
            let service = try RunningService(arguments, waitsForReady: false)
            #expect(try service.end().errors.contains("WARNING no keys: ") == isWarned, "\(arguments)")
        }
    }

    @Test("'listening' is printed only after keys and all sockets are there")
    func announcement() throws {
        for arguments in [["--admin-socket", "/nowhere/socket"], ["--keys", "/nowhere/keys"]] {
            let outcome = try Program.run(["serve", "--port", "0"] + arguments)
            #expect(outcome.status == 1 && outcome.bytes.isEmpty)
            #expect(outcome.errors.contains(arguments[1]) && outcome.errors.contains("No such file or directory"))
        }
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
            try files.copyItem(at: embedded.appending(path: "fashion-mnist"), to: scratch.url.appending(path: "d-good"))
        }
        return scratch
    }

    @Test("a folder that cannot be loaded is reported, and the others are served")
    func brokenFolder() throws {
        let folder = try models(good: true)
        let service = try RunningService(["--models", folder.url.path, "--no-embedded"])
        let client = try service.client()
        #expect(try client.post("/v1/classify", try Sample.bytes("net0.pth")).status == 200)
        #expect(try JSONValue.parse(try client.get("/v1/models").body)["models"]?.array?.count == 1)
        let errors = try service.end().errors
        #expect(errors.contains("a-broken") && errors.contains("b-incomplete"), "\(errors)")
        let list = try Program.run(["models", "--json", "--no-embedded", "--models", folder.url.path])
        #expect(list.status == 1 && list.lines.count == 1 && list.errors.contains("a-broken"))
    }

    @Test("without any model that can be served, it ends with 1")
    func noModels() throws {
        let folder = try models(good: false)
        let broken = try Program.run(["serve", "--port", "0", "--no-embedded", "--models", folder.url.path])
        #expect(broken.status == 1 && broken.errors.contains("a-broken"), "\(broken.errors)")
        let empty = try Scratch()
        for arguments in [["serve", "--port", "0"], ["models"], ["classify", Sample.path("net0.pth")]] {
            let none = try Program.run(arguments + ["--models", empty.url.path])
            #expect(none.status == 1, "\(arguments)")
            #expect(none.errors.contains("no model folder in '\(empty.url.path)'"), "\(none.errors)")
            let missing = try Program.run(arguments + ["--models", empty.path("missing")])
            #expect(missing.status == 1 && missing.bytes.isEmpty)
            #expect(missing.errors.contains("missing': No such file or directory"), "\(missing.errors)")
        }
    }
}
