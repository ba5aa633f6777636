import HTTPCore
import HTTPTypes
import ModelStore
import NetworkReading
import Networks
import SIREN
import Tensors
import Testing
import Uploads
import WeightFormats

@testable import InferenceService

@Suite("Service: refusals")
struct RefusalTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    @Test("a network whose shapes do not fit is refused with every tensor that does not")
    func shapes() throws {
        let state = try Samples.tensors(0)
        let name = state.secondWeight
        let bad = state.changing(name) { Tensor(zeros: [$0.shape[0], $0.shape[1] - 1]) }
        let problem = try service.post("/v1/classify", SafetensorsWriter.write(bad)).problem()
        #expect(problem.status == 422 && problem.code == "shape_mismatch")
        #expect(problem.detail.contains("'\(name)'") && problem.detail.contains("received [32, 31]"))
    }

    @Test("latents of a network of another depth are refused with the sizes that the model reads")
    func depth() throws {
        let deep = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 8, 8, 8, 1]), seed: 1)
        let problem = try service.post("/v1/encode", Samples.safetensors(deep)).problem()
        #expect(problem.status == 422 && problem.code == "shape_mismatch")
        let model = try Models.embedded.get()
        #expect(problem.detail.contains(model.expectation.summary) && problem.detail.contains("2-8-8-8-1"))
    }

    @Test("another hidden width is read where the model reads any")
    func width() throws {
        let wide = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 40, 24, 1]), seed: 1)
        #expect(try service.post("/v1/classify", Samples.safetensors(wide)).items().count == 1)
    }

    @Test("a missing tensor, an unexpected one and a value that is not finite have codes of their own")
    func tensors() throws {
        let state = try Samples.tensors(0)
        let name = state.names[1]
        func code(_ state: StateDict) throws -> String {
            let problem = try service.post("/v1/classify", SafetensorsWriter.write(state)).problem()
            #expect(problem.status == 422)
            return problem.code
        }
        let missing = StateDict(state.entries.filter { $0.name != name })
        #expect(try code(missing) == "missing_tensor")
        var extra = state
        extra.set(NamedTensor(name: "net.0.linear.scale", tensor: Tensor(zeros: [32])))
        #expect(try code(extra) == "unexpected_tensor")
        let damaged = state.changing(name) { Tensor(shape: $0.shape, values: $0.values.map { _ in .nan }) }
        let problem = try service.post("/v1/classify", SafetensorsWriter.write(damaged)).problem()
        #expect(problem.status == 422 && problem.code == "non_finite" && problem.detail.contains("'\(name)'"))
    }

    /// Body, fields, status, code.
    private static let bodies: [(String, [UInt8], [String: String], Int, String)] = [
        ("nothing", [], [:], 415, "unknown_format"),
        ("text", Array("hello, world".utf8), [:], 415, "unknown_format"),
        ("JSON cut short", Array("{\"inputs\":[".utf8), [:], 400, "bad_json"),
        ("JSON without weights", Array("{\"top_k\":3}".utf8), [:], 400, "bad_request"),
        ("a duplicate name", Array("{\"a.weight\":[[1]],\"a.weight\":[[1]]}".utf8), [:], 400, "bad_json"),
        ("text for a number", Array("{\"a.weight\":[[\"1\"]],\"a.bias\":[1]}".utf8), [:], 422, "dtype"),
        ("a ragged array", Array("{\"a.weight\":[[1,2],[3]],\"a.bias\":[1]}".utf8), [:], 422, "shape_mismatch"),
        ("an empty batch", Array("{\"inputs\":[]}".utf8), [:], 400, "bad_request"),
        ("a zip of neither kind", Array("PK\u{3}\u{4}rest".utf8), [:], 400, "bad_request"),
        ("no gzip", Array("hello".utf8), ["Content-Encoding": "gzip"], 400, "bad_encoding"),
        ("brotli", Array("hello".utf8), ["Content-Encoding": "br"], 415, "unsupported_encoding"),
        ("a form without a boundary", [], ["Content-Type": "multipart/form-data"], 400, "bad_request"),
        ("a form without a file", Form().closed, Form.fields, 400, "bad_request"),
    ]

    @Test("what is no network is refused with status and code", arguments: bodies.indices)
    func unreadable(_ index: Int) throws {
        let (what, body, fields, status, code) = Self.bodies[index]
        let answer = try service.post("/v1/classify", body, fields)
        let problem = try answer.problem()
        #expect(problem.status == status && problem.code == code, "\(what): \(problem)")
        #expect((answer.field("Accept-Encoding") == "gzip, deflate") == (code == "unsupported_encoding"))
        #expect(answer.field("Server-Timing") != nil)
    }

    @Test("a file of PyTorch before 1.6 is refused with how to save it again")
    func legacy() throws {
        let problem = try service.post("/v1/classify", try Samples.bytes("net0.legacy.pth")).problem()
        #expect(problem.status == 415 && problem.code == "legacy_torch_format")
        #expect(problem.detail.contains("re-save") && problem.detail.contains("torch.save"))
    }

    @Test("a body that inflates beyond the limit is refused, not inflated")
    func bomb() throws {
        let service = try ServiceDriver { $0.maxBodyBytes = 100_000 }
        let bomb = try CompressedStream.gzip.encode([UInt8](repeating: 0x20, count: 2_000_000))
        let problem = try service.post("/v1/classify", bomb, ["Content-Encoding": "gzip"]).problem()
        #expect(problem.status == 413 && problem.code == "inflated_too_large")
    }

    private static let statuses: [UploadError.Code: Int] = [
        .malformed: 400, .badJSON: 400, .badEncoding: 400, .inflatedTooLarge: 413, .unknownFormat: 415,
        .legacyTorchFormat: 415, .unsafePickle: 415, .dtype: 422, .nonFinite: 422, .shapeMismatch: 422,
        .missingTensor: 422, .unexpectedTensor: 422, .batchTooLarge: 422, .noNetwork: 400, .unreadableFile: 400,
        .internal: 500, .ambiguousNetwork: 422,
    ]

    @Test("every code of unreadable uploads has its status", arguments: UploadError.Code.allCases)
    func uploadErrors(_ code: UploadError.Code) {
        let fault = ServiceFault(UploadError(code, "the detail"))
        let response = fault.httpError.response(requestID: "id")
        #expect(Int(response.status.code) == Self.statuses[code])
        #expect(fault.code == ([.malformed, .noNetwork].contains(code) ? "bad_request" : code.rawValue))
        #expect(fault.detail == "the detail" && !fault.title.isEmpty)
        #expect(response.fields[.acceptEncoding] == nil)
        #expect(response.reason == fault.code)
    }

    @Test("paths and methods that are not served are answered by HTTP's rules")
    func paths() throws {
        #expect(try service.get("/v3/models").problem().code == "no_such_path")
        let near = try service.post("/classify", []).problem()
        #expect(near.detail == "nothing is served at '/classify'; did you mean /v1/classify?")
        #expect(try service.get("/nothing/here").problem().detail.hasSuffix("; GET / lists the paths"))
        let method = try service.get("/v1/classify")
        #expect(try method.problem().status == 405)
        #expect(method.field("Allow") == "OPTIONS, POST")
        let options = try service.send("OPTIONS", "/v1/models")
        #expect(options.status == 204 && options.field("Allow") == "GET, HEAD, OPTIONS")
        #expect(try service.send("BREW", "/v1/classify").problem().status == 501)
    }

    @Test(
        "every response has Server-Timing",
        arguments: [
            ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/nowhere"), ("GET", "/v1/models"), ("GET", "/metrics"),
            ("OPTIONS", "/v1/classify"), ("PUT", "/v1/classify"), ("POST", "/v1/classify"), ("POST", "/v1/render"),
        ])
    func serverTiming(_ method: String, _ path: String) throws {
        let field = try #require(try service.send(method, path).field("Server-Timing"))
        let pattern = /parse;dur=\d+\.\d{3}, queue;dur=\d+\.\d{3}, compute;dur=\d+\.\d{3}/
        #expect(field.wholeMatch(of: pattern) != nil, "\(field)")
    }

    @Test("an error found by the server itself is rendered alike")
    func serverErrors() throws {
        let response = service.handler.response(to: .bodyTooLarge(limit: 5), head: nil, id: "an-id", context: nil)
        let problem = try Answer(id: "an-id", response: response).problem()
        #expect(problem.status == 413 && problem.code == "body_too_large")
        #expect(response.fields.value(of: "Server-Timing") != nil)
    }
}
