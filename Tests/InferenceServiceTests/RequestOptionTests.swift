import ModelStore
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: options")
struct RequestOptionTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    private func topCount(_ answer: Answer) throws -> Int? { try answer.items().first?["top_k"]?.array?.count }

    /// The first network as a JSON document with more members.
    private func document(_ members: String) throws -> [UInt8] {
        Array("{\"inputs\":[\(Samples.json(try Samples.tensors(0)))],\(members)}".utf8)
    }

    @Test("are taken from the query")
    func query() throws {
        #expect(try topCount(try service.post("/v1/classify?top_k=3", try Samples.bytes("net0.pth"))) == 3)
    }

    @Test(
        "of other paths are refused",
        arguments: [
            ("/v1/fit", "member"), ("/v1/fit", "model"), ("/v1/fit", "convention"), ("/v1/decode", "layout"),
            ("/v1/decode", "convention"), ("/v1/edit", "top_k"), ("/v1/classify", "edits"),
        ])
    func strangers(path: String, name: String) throws {
        let body = path == "/v1/fit" ? Array("[[0,9],[9,0]]".utf8) : try Samples.bytes("net0.pth")
        let problem = try service.post("\(path)?\(name)=a", body).problem()
        #expect(problem.status == 400 && problem.detail.hasPrefix("unknown option '\(name)'"), "\(problem.detail)")
    }

    @Test("are taken from members of the document; the query has precedence")
    func members() throws {
        let document = try document("\"top_k\":2")
        #expect(try topCount(try service.post("/v1/classify", document)) == 2)
        #expect(try topCount(try service.post("/v1/classify?top_k=3", document)) == 3)
    }

    @Test("are taken from fields of a form; the query has precedence")
    func form() throws {
        var form = Form()
        form.add("top_k", "2")
        form.add("file", file: "a.pth", try Samples.bytes("net0.pth"))
        #expect(try topCount(try service.post("/v1/classify", form.closed, Form.fields)) == 2)
        #expect(try topCount(try service.post("/v1/classify?top_k=4", form.closed, Form.fields)) == 4)
    }

    @Test("with names that are not known are refused in the query and in a form, with the nearest known name")
    func unknown() throws {
        let network = try Samples.bytes("net0.pth")
        var form = Form()
        form.add("omega_0", "20")
        form.add("file", file: "a.pth", network)
        let problems = [
            try service.post("/v1/classify", form.closed, Form.fields).problem(),
            try service.post("/v1/classify?omega_0=20", network).problem(),
        ]
        for problem in problems {
            #expect(problem.status == 400, "\(problem.detail)")
            #expect(problem.detail.hasPrefix("unknown option 'omega_0'; did you mean 'omega0'? known: model, version"))
        }
    }

    @Test("what a page's form leaves unfilled is not given")
    func unfilledForm() throws {
        var form = Form()
        form.add("other", file: "", [])
        form.add("top_k", "")
        form.add("convention", "")
        form.add("file", file: "n\u{e9}t.pth", try Samples.bytes("net0.pth"))
        #expect(try service.post("/v1/classify", form.closed, Form.fields).items().count == 1)
        var empty = Form()
        empty.add("weights", file: "", [])
        let problem = try service.post("/v1/classify", empty.closed, Form.fields).problem()
        #expect(problem.code == "bad_request" && problem.detail.contains("'weights' is empty"))
    }

    @Test(
        "a flag is written as people and languages write it",
        arguments: [("1", 400), ("true", 400), ("True", 400), ("", 400), ("0", 200), ("False", 200), ("FALSE", 200)])
    func flags(_ value: String, _ status: Int) throws {
        let body = Array("{\"inputs\":[\(Samples.json(try Samples.tensors(0))),7]}".utf8)
        #expect(try service.post("/v1/classify?strict=\(value)", body).status == status)
    }

    @Test("unknown members of a document are ignored, since other tools write them")
    func unknownMembers() throws {
        let answer = try service.post(
            "/v1/classify", try document("\"note\":{\"epochs\":[1]},\"optimizer\":\"adam\",\"top_k\":null"))
        #expect(try topCount(answer) == min(5, try Models.embedded.get().labels.count))
    }

    @Test(
        "that are mistyped or out of range are refused with the option's name",
        arguments: [
            ("topk=3", "topk"), ("top_k=0", "top_k"), ("top_k=x", "top_k"), ("top_k=", "top_k"),
            ("top_k=99999999999999999999", "top_k"), ("output=xml", "output"), ("strict=maybe", "strict"),
            ("timeout_ms=0", "timeout_ms"), ("timeout_ms=-5", "timeout_ms"), ("convention=mlp", "convention"),
            ("omega0=-1", "omega0"), ("omega0=nan", "omega0"), ("omega0=inf", "omega0"), ("height=0", "height"),
            ("width=1e9", "width"), ("top_k=3&top_k=3", "top_k"),
        ])
    func refused(_ query: String, _ name: String) throws {
        let problem = try service.post("/v1/classify?" + query, try Samples.bytes("net0.pth")).problem()
        #expect(problem.status == 400 && problem.code == "bad_request")
        #expect(problem.detail.contains("'\(name)'"), "\(problem.detail)")
    }

    @Test(
        "that a path does not have are refused there, with those that it has",
        arguments: [
            ("reconstruct", "height=112", "height"), ("encode", "top_k=3", "top_k"), ("render", "seed=4", "seed"),
            ("render", "certify=1", "certify"), ("classify", "blend=0.5", "blend"),
        ])
    func misplaced(_ path: String, _ query: String, _ name: String) throws {
        let problem = try service.post("/v1/\(path)?\(query)", try Samples.bytes("net0.pth")).problem()
        #expect(problem.status == 400 && problem.detail.contains("unknown option '\(name)'"), "\(problem.detail)")
        #expect(problem.detail.contains("known: model, version, output"), "\(problem.detail)")
    }

    @Test("of a form are read whole, and refused where they are too long or no text")
    func formTexts() throws {
        func answer(_ text: [UInt8]) throws -> Answer {
            var form = Form()
            form.add("file", file: "net0.pth", try Samples.bytes("net0.pth"))
            form.add("edits", text)
            return try service.post("/v1/edit", form.closed, Form.fields)
        }
        let steps = Array(repeating: "brightness:0.00000000000000000000000000000000000000000000000001", count: 20)
        let text = Array(steps.joined(separator: ",").utf8)
        #expect(text.count > 1024)
        #expect(try answer(text).items("results").first?["edits"]?.array?.count == 20)
        let long = try answer(Array(repeating: 0x61, count: 8193)).problem()
        #expect(long.status == 400 && long.detail.contains("'edits': expected at most 8192 bytes, received 8193"))
        let broken = try answer([0x69, 0xff]).problem()
        #expect(broken.status == 400 && broken.detail.contains("'edits': expected text in UTF-8"))
    }

    @Test(
        "of a document with the wrong type are refused",
        arguments: ["\"top_k\":[3]", "\"model\":{\"type\":\"siren\"}", "\"strict\":{}", "\"top_k\":2.5"])
    func wrongType(_ member: String) throws {
        let problem = try service.post("/v1/classify", try document(member)).problem()
        #expect(problem.status == 400 && problem.code == "bad_request")
    }

    @Test("choose the model and version; the path has precedence over the query")
    func model() throws {
        let model = try Models.embedded.get()
        let body = try Samples.bytes("net0.pth")
        let expected = try service.post("/v1/classify", body).items()
        for path in [
            "/v1/classify?model=\(model.name)", "/v1/classify?model=\(model.name)&version=\(model.version)",
            "/v1/classify?version=\(model.version)", "/v1/models/\(model.name)/classify",
            "/v1/models/\(model.name)/classify?model=another",
        ] {
            #expect(try service.post(path, body).items() == expected, "\(path)")
        }
    }

    @Test(
        "that name what is not served are answered 404 with the names that are",
        arguments: [
            ("/v1/classify?model=another", "no_such_model"), ("/v1/models/another/encode", "no_such_model"),
            ("/v1/classify?version=99", "no_such_version"), ("/v1/render?model=another", "no_such_model"),
        ])
    func notServed(_ path: String, _ code: String) throws {
        let problem = try service.post(path, try Samples.bytes("net0.pth")).problem()
        #expect(problem.status == 404 && problem.code == code)
        let model = try Models.embedded.get()
        #expect(problem.detail.contains(code == "no_such_model" ? model.name : model.version))
    }

    @Test("an operation that a model lacks is answered 404 with those it has")
    func noSuchOperation() throws {
        let untrained = try Models.embedded(named: "untrained", isDecoderTrained: false)
        let service = try ServiceDriver(models: [untrained])
        for operation in ["reconstruct", "predict"] {
            let problem = try service.post("/v1/\(operation)", try Samples.bytes("net0.pth")).problem()
            #expect(problem.status == 404 && problem.code == "no_such_operation")
            #expect(problem.detail.contains("classify, encode"))
        }
    }

    @Test("the first model answers where none is named")
    func severalModels() throws {
        let other = try Models.embedded(named: "other", isDecoderTrained: false)
        let service = try ServiceDriver(models: [try Models.embedded.get(), other])
        let body = try Samples.bytes("net0.pth")
        let standard = try service.post("/v1/encode", body).json()
        #expect(standard["model"]?["name"]?.string == (try Models.embedded.get().name))
        let named = try service.post("/v1/encode?model=other", body).json()
        #expect(named["model"]?["name"]?.string == "other")
        #expect(named["model"]?["sha256"]?.string == other.sha256)
        #expect(named["latents"] == standard["latents"])
    }
}
