import ModelStore
import Tensors
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: KServe's V1 protocol")
struct PredictTests {
    private let service: ServiceDriver
    private let path: String

    init() throws {
        service = try ServiceDriver()
        path = "/v1/models/\(try Models.embedded.get().name):predict"
    }

    private func network(_ index: Int) throws -> String { Samples.json(try Samples.tensors(index)) }

    /// The error's text; checks that the document has nothing else.
    private func error(_ answer: Answer, _ status: Int, _ location: SourceLocation = #_sourceLocation) throws -> String
    {
        let json = try answer.json(status, location)
        #expect(answer.field("Content-Type") == "application/json", sourceLocation: location)
        #expect(json.members?.map(\.name) == ["error"], sourceLocation: location)
        return try #require(json["error"]?.string, sourceLocation: location)
    }

    @Test("instances are networks, and predictions what the model's first operation says of them")
    func predictions() throws {
        let instances = "[\(try network(0)),\(try network(1))]"
        let native = try service.post("/v1/classify?top_k=2", json: instances).items()
        let answer = try service.post(path, json: "{\"instances\":\(instances),\"top_k\":2}").json()
        #expect(answer.members?.map(\.name) == ["predictions"])
        #expect(answer["predictions"]?.array == native)
        let query = try service.post(path + "?top_k=2", json: "{\"inputs\":\(instances),\"instances\":null}").json()
        #expect(query == answer, "'inputs' is the protocol's other name, and the query has precedence")
        let one = try service.post(path + "?top_k=2", json: "{\"instances\":[\(try network(0))]}").json()
        #expect(one["predictions"]?.array == Array(native.prefix(1)))
    }

    @Test("a model that predicts accuracy answers with accuracies")
    func accuracy() throws {
        let reference = try Models.accuracyPredictor()
        let service = try ServiceDriver(models: [reference.model])
        let items = try service.post("/v1/predict", SafetensorsWriter.write(reference.input)).items()
        let networks = (0..<items.count).map { index in Samples.json(reference.input.mapping { $0.slice(index) }) }
        let answer = try service.post(
            "/v1/models/accuracy:predict", json: "{\"instances\":[\(networks.joined(separator: ","))]}")
        #expect(try answer.json()["predictions"]?.array?.map { $0["accuracy"] } == items.map { $0["accuracy"] })
    }

    @Test("errors are in the protocol's form; one bad instance fails the request and is named")
    func errors() throws {
        let good = try network(0)
        let bad = try service.post(path, json: "{\"instances\":[\(good),3]}")
        let fault = try error(bad, 400)
        #expect(fault.contains("network 1") && fault.contains("instances.1: no weights"), "\(fault)")
        let state = try Samples.tensors(1)
        let misfit = Samples.json(state.changing(state.secondWeight) { Tensor(zeros: $0.shape.map { $0 - 1 }) })
        let mismatch = try error(try service.post(path, json: "{\"instances\":[\(good),\(misfit)]}"), 422)
        #expect(mismatch.contains("network 1") && mismatch.contains(state.secondWeight), "\(mismatch)")
        #expect(try error(try service.post(path, json: "{}"), 400).contains("'instances'"))
        #expect(try error(try service.post(path, json: "{\"instances\":\(good)}"), 400).contains("an array"))
        #expect(
            try error(try service.post(path, json: "{\"instances\":[1],\"inputs\":[1]}"), 400).contains("one of them"))
        #expect(try error(try service.post(path, json: "{\"instances\":["), 400).contains("found the end"))
        #expect(try error(try service.post(path, try Samples.bytes("net0.npz")), 400).contains("expected a value"))
        #expect(
            try error(try service.post("/v1/models/another:predict", json: "{\"instances\":[\(good)]}"), 404)
                .contains("no model is named 'another'"))
        #expect(
            try error(try service.post(path + "?output=npy", json: "{\"instances\":[\(good)]}"), 400).contains("output")
        )
        #expect(try error(try service.send("GET", path), 405).contains("POST"))
        #expect(try error(try service.post("/v1/models/m:explain", json: "{}"), 405).contains("not offered"))
        let starting = try ServiceDriver(models: nil)
        #expect(try error(try starting.post(path, json: "{}"), 503).contains("loaded"))
    }

    @Test("requests are counted for the model and under their route")
    func metrics() throws {
        let model = try Models.embedded.get()
        #expect(try service.post(path, json: "{\"instances\":[\(try network(0))]}").status == 200)
        #expect(AccessLog.metadata(of: try service.records.take())["networks"].map { "\($0)" } == "1")
        #expect(try service.post(path, json: "{\"instances\":[{}]}").status == 400)
        let metrics = Exposition(try service.get("/metrics").text)
        func requests(_ code: String) -> Double? {
            metrics.value(
                "weightspace_http_requests_total",
                ["method": "POST", "route": "/v1/models/{model}:predict", "code": code])
        }
        #expect(requests("200") == 1 && requests("400") == 1)
        for (outcome, count) in [("success", 1.0), ("invalid", 1.0)] {
            let labels = ["model": model.name, "version": model.version, "outcome": outcome]
            #expect(metrics.value("weightspace_inference_requests_total", labels) == count)
        }
        #expect(metrics.value("weightspace_parse_duration_seconds_count", ["format": "instances"]) == 1)
    }

    @Test("the page of a server says that it is alive, as clients of the protocol ask")
    func alive() throws {
        #expect(try service.get("/").json()["status"]?.string == "alive")
    }
}
