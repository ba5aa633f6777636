import HTTPContent
import HTTPCore
import ModelStore
import Networks
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: Open Inference Protocol")
struct OpenInferenceTests {
    private let service: ServiceDriver
    private let path: String

    init() throws {
        service = try ServiceDriver()
        path = "/v2/models/\(try Models.embedded.get().name)"
    }

    /// A request in JSON for the stacked networks.
    private func document(_ tensors: StateDict, _ members: String = "") -> String {
        let inputs = tensors.entries.map { entry in
            var writer = JSONWriter()
            writer.value(entry.tensor)
            return """
                {"name":"\(entry.name)","shape":\(entry.tensor.shape),"datatype":"FP32",
                "data":\(String(decoding: writer.bytes, as: UTF8.self))}
                """
        }
        return "{\"inputs\":[\(inputs.joined(separator: ","))]\(members)}"
    }

    private func output(_ name: String, _ answer: JSONValue) throws -> JSONValue {
        try #require(answer["outputs"]?.array?.first { $0["name"]?.string == name })
    }

    @Test("each of several versions of a model is served, by either protocol")
    func versions() throws {
        let models = try ["2", "1"].map { try Models.embedded(named: "m", version: $0, isDecoderTrained: false) }
        let service = try ServiceDriver(models: models)
        let body = try Samples.bytes("net0.pth")
        func version(_ path: String) throws -> String? {
            try service.post(path, body).json()["model"]?["version"]?.string
        }
        #expect(try version("/v1/classify") == "2")
        #expect(try version("/v1/classify?version=1") == "1")
        #expect(try version("/v1/models/m/classify?version=1") == "1")
        #expect(try service.post("/v1/classify?version=3", body).problem().detail.contains("served: 2, 1"))
        #expect(try service.get("/v1/models/m?version=1").json()["version"]?.string == "1")
        #expect(try service.get("/v1/models/m/example?version=3").status == 404)
        #expect(try service.get("/v2/models").json()["models"]?.strings == ["m"])
        #expect(try service.get("/v2/models/m").json()["versions"]?.strings == ["2", "1"])
        func counted(_ path: String) throws -> [String?]? {
            try service.get(path).json()["model_stats"]?.array?.map { $0["version"]?.string }
        }
        #expect(try counted("/v2/models/m/stats") == ["2", "1"])
        #expect(try counted("/v2/models/m/versions/1/stats") == ["1"])
        #expect(try service.post("/v2/models/m/versions/1/infer", json: "{}").status == 400)
        #expect(service.metrics.statistics.entry(model: "m", version: "1").failure.count == 1)
        #expect(service.metrics.statistics.entry(model: "m", version: "2").failure.count == 0)
    }

    @Test("health, metadata, configuration and index say what is served")
    func pages() throws {
        let model = try Models.embedded.get()
        #expect(try service.get("/v2/health/live").json()["live"]?.bool == true)
        #expect(try service.get("/v2/health/ready").json()["ready"]?.bool == true)
        #expect(try service.get("/v2").json()["name"]?.string == "weightspace")
        #expect(try service.get("/v2/").body == (try service.get("/v2").body))
        #expect(try service.get("/v2/models").json()["models"]?.strings == [model.name])
        #expect(try service.get(path + "/ready").json()["ready"]?.bool == true)
        #expect(try service.get("\(path)/versions/\(model.version)/ready").json()["name"]?.string == model.name)
        let metadata = try service.get(path).json()
        let inputs = try #require(metadata["inputs"]?.array)
        let names = try Samples.network().stateDict.names
        #expect(inputs.compactMap { $0["name"]?.string } == names)
        #expect(inputs[0]["shape"]?.array?.map(\.int) == [-1, -1, 2])
        let configuration = try service.get(path + "/config").json()
        #expect(configuration["input"]?.array?[0]["dims"]?.array?.map(\.int) == [-1, 2])
        #expect(try service.send("POST", "/v2/repository/index").json().array?[0]["state"]?.string == "READY")
    }

    @Test("answers are those of the native interface")
    func infer() throws {
        let stack = try Samples.stack()
        let native = try service.post("/v1/classify", SafetensorsWriter.write(stack)).items()
        let latents = try service.post("/v1/encode", SafetensorsWriter.write(stack)).items("latents")
        let answer = try service.post(path + "/infer", json: document(stack, #","id":"x""#)).json()
        let name = try Models.embedded.get().name
        #expect(answer["id"]?.string == "x" && answer["model_name"]?.string == name)
        #expect(try output("class_id", answer)["data"]?.ints == native.compactMap { $0["class_id"]?.int })
        #expect(try output("label", answer)["data"]?.strings == native.compactMap { $0["label"]?.string })
        #expect(try output("latent", answer)["data"]?.numbers == latents.flatMap { $0["data"]?.numbers ?? [] })
        #expect(try output("logits", answer)["shape"]?.ints == [4, 10])
    }

    @Test("a flat tensor, and a body of its bytes alone, are read too")
    func flat() throws {
        let network = try Samples.network()
        let values = network.flattened
        let flat = StateDict([NamedTensor(name: "weights", tensor: Tensor(shape: [1, values.count], values: values))])
        let named = try service.post(path + "/infer", json: document(flat, #","outputs":[{"name":"logits"}]"#)).json()
        let raw = try service.post(
            path + "/infer", FloatBytes.littleEndian(values), ["Inference-Header-Content-Length": "0"])
        let length = try #require(raw.field("Inference-Header-Content-Length").flatMap { Int($0) })
        let answer = try JSONValue.parse(Array(raw.body[..<length]))
        #expect(raw.field("Content-Type") == "application/octet-stream")
        #expect(answer["outputs"]?.array?[0]["name"]?.string == "logits")
        let logits = try #require(try output("logits", named)["data"]).numbers
        #expect(Array(raw.body[length..<length + 40]) == FloatBytes.littleEndian(logits))
    }

    @Test("the best classes are named in place of values")
    func classification() throws {
        let outputs = #","outputs":[{"name":"probabilities","parameters":{"classification":2}}]"#
        let answer = try service.post(path + "/infer", json: document(try Samples.stack(), outputs)).json()
        let output = try output("probabilities", answer)
        #expect(output["shape"]?.ints == [4, 2] && output["datatype"]?.string == "BYTES")
        #expect(output["data"]?.strings?.allSatisfy { $0.split(separator: ":").count == 3 } == true)
    }

    @Test("faults name the tensor, as plain JSON that every client shows")
    func faults() throws {
        let model = try Models.embedded.get()
        let stack = try Samples.stack()
        let bad = stack.changing(stack.secondWeight) { Tensor(zeros: $0.shape.map { $0 - 1 }) }
        let answer = try service.post(path + "/infer", json: document(bad))
        #expect(answer.field("Content-Type") == "application/json")
        #expect(try answer.json(422)["error"]?.string?.contains(stack.secondWeight) == true)
        let unknown = try service.post(path + "/infer", json: document(stack, #","outputs":[{"name":"speed"}]"#))
        #expect(try unknown.json(400)["error"]?.string?.contains("speed") == true)
        #expect(try service.get("/v2/models/another/ready").json(404)["code"]?.string == "no_such_model")
        #expect(try service.get(path + "/versions/99").json(404)["code"]?.string == "no_such_version")
        #expect(try service.get("/v2/logging").json(404)["error"] != nil)
        let failures = try service.get(path + "/stats").json()["model_stats"]?.array?[0]
        #expect(failures?["name"]?.string == model.name)
        #expect(failures?["inference_stats"]?["fail"]?["count"]?.int == 2)
    }

    @Test("statistics count networks, computations and their times")
    func statistics() throws {
        _ = try service.post(path + "/infer", json: document(try Samples.stack(), #","outputs":[{"name":"label"}]"#))
        _ = try service.post("/v1/encode", try Samples.bytes("net0.npz"))
        let entry = try #require(try service.get("/v2/models/stats").json()["model_stats"]?.array?.first)
        #expect(entry["inference_count"]?.int == 5 && entry["execution_count"]?.int == 2)
        #expect(entry["inference_stats"]?["success"]?["count"]?.int == 2)
        #expect((entry["inference_stats"]?["compute_infer"]?["ns"]?.int ?? 0) > 0)
        #expect(entry["batch_stats"]?.array?.map { $0["batch_size"]?.int } == [1, 4])
        #expect((entry["last_inference"]?.int ?? 0) > 1_600_000_000_000)
    }

    @Test("answers are compressed for those who ask, and only good ones", arguments: ["gzip", "deflate"])
    func compression(_ coding: String) throws {
        let fields = ["Accept-Encoding": "br, \(coding)"]
        let plain = try service.post(path + "/infer", json: document(try Samples.stack()))
        let packed = try service.post(path + "/infer", Array(document(try Samples.stack()).utf8), fields)
        #expect(packed.field("Content-Encoding") == coding && packed.field("Vary") == "Accept-Encoding")
        #expect(try ContentCoding.decode(packed.body, contentEncoding: coding) == plain.body)
        #expect(plain.field("Content-Encoding") == nil)
        #expect(try service.get(path, fields).field("Content-Encoding") == nil)
        #expect(try service.post(path + "/infer", [], fields).field("Content-Encoding") == nil)
        #expect(
            try service.post(
                path + "/infer", Array(document(try Samples.stack()).utf8),
                [
                    "Accept-Encoding": "\(coding);q=0"
                ]
            ).field("Content-Encoding") == nil)
    }
}
