import Host
import ModelStore
import Models
import NetworkReading
import Networks
import TestSupport
import Testing
import WeightFormats

@testable import HTTPCore
@testable import InferenceService

@Suite("Service: pages")
struct PageTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    @Test("health has the names that load balancers ask for")
    func health() throws {
        for path in ["/livez", "/healthz"] { #expect(try service.get(path).json()["live"]?.bool == true) }
        for path in ["/readyz", "/health", "/ping"] { #expect(try service.get(path).json()["ready"]?.bool == true) }
    }

    @Test("OPTIONS on health pages has the status of GET, except for browsers' preflight requests")
    func probesByOptions() throws {
        let model = try Models.embedded.get()
        let paths = ["/readyz", "/health", "/ping", "/v2/health/ready", "/v2/models/\(model.name)/ready"]
        for path in paths + ["/livez"] { #expect(try service.send("OPTIONS", path).status == 204, "\(path)") }
        service.registry.beginDraining()
        for path in paths {
            let answer = try service.send("OPTIONS", path)
            #expect(answer.status == 503 && answer.field("Allow")?.contains("GET, HEAD, OPTIONS") == true, "\(path)")
            #expect(answer.text.contains("draining"), "\(path)")
            #expect(try service.get(path).status == 503, "\(path)")
            let preflight = ["Origin": "https://a.example", "Access-Control-Request-Method": "GET"]
            #expect(try service.send("OPTIONS", path, preflight).status == 204, "\(path)")
        }
        #expect(try service.send("OPTIONS", "/livez").status == 204)
        #expect(try service.send("OPTIONS", "/v1/classify").status == 204)
    }

    @Test("a slash at the end of a path makes no difference, also in the labels of metrics")
    func trailingSlashes() throws {
        let name = try Models.embedded.get().name
        for path in [
            "/v1/models", "/v1/models/\(name)", "/v2", "/v2/models", "/v2/models/\(name)", "/v2/models/\(name)/config",
            "/livez", "/readyz",
        ] {
            let (plain, slashed) = (try service.get(path), try service.get(path + "/"))
            #expect(plain.status == 200 && slashed.body == plain.body, "\(path)")
        }
        #expect(try service.post("/v1/classify/", try Samples.bytes("net0.pth")).status == 200)
        let metrics = Exposition(try service.get("/metrics/").text)
        let labels = ["method": "GET", "route": "/v2/models", "code": "200"]
        #expect(metrics.value("weightspace_http_requests_total", labels) == 2)
    }

    @Test("models are listed and described")
    func models() throws {
        let model = try Models.embedded.get()
        let list = try service.get("/v1/models").json()
        #expect(list["default"]?.string == model.name)
        #expect(list["models"]?.array?.map { $0["name"]?.string } == [model.name])
        let page = try service.get("/v1/models/\(model.name)").json()
        #expect(page["name"]?.string == model.name && page["version"]?.string == model.version)
        #expect(page["sha256"]?.string == model.sha256)
        #expect(page["operations"]?.strings == model.outputs.map(\.output.rawValue))
        #expect(page["labels"]?.strings == model.labels)
        #expect(page["latent_shape"]?.ints == model.shape(of: .latents))
        #expect(page["input"]?["networks"]?.string == model.expectation.summary)
        #expect(page["input"]?["sizes"]?.ints == model.input.spec.sizes)
        #expect(page["ready"]?.bool == true)
        #expect(page["card"]?.members?.isEmpty == false)
        #expect(try service.get("/v1/models/another").problem().code == "no_such_model")
        service.registry.beginDraining()
        #expect(try service.get("/v1/models/\(model.name)").problem().code == "draining")
    }

    @Test("the example of a model is a request that it answers")
    func example() throws {
        let model = try Models.embedded.get()
        let example = try service.get("/v1/models/\(model.name)/example")
        #expect(example.field("Content-Type") == "application/json")
        #expect(try service.post("/v1/classify", example.body).items().first?["class_id"]?.int != nil)
        let reference = try Models.accuracyPredictor()
        let predictor = try ServiceDriver(models: [reference.model])
        let body = try predictor.get("/v1/models/accuracy/example").body
        #expect(try predictor.post("/v1/predict", body).items().first?["accuracy"]?.double != nil)
    }

    @Test("the version and all paths are listed")
    func index() throws {
        let version = try service.get("/version").json()
        #expect(version["version"]?.string == "1.2.3")
        #expect(version["kernels"]?["openblas"]?.string == OpenBLASKernels.inUse)
        #expect(version["kernels"]?["openblas_version"]?.string == OpenBLASKernels.release)
        #expect(["AVX-512", "AVX2", "baseline"].contains(version["kernels"]?["own"]?.string))
        let index = try service.get("/").json()
        let paths = try #require(index["paths"]?.strings)
        #expect(paths.contains("POST /v1/classify") && paths.contains("GET /metrics"))
        #expect(index["name"]?.string == "weightspace")
    }

    @Test("metrics count requests by route, outcome and format")
    func metrics() throws {
        let model = try Models.embedded.get()
        let body = try Samples.bytes("net0.pth")
        for _ in 0..<2 { #expect(try service.post("/v1/classify", body).status == 200) }
        let gzip = try CompressedStream.gzip.encode(try Samples.bytes("net0.safetensors"))
        let path = "/v1/models/\(model.name)/encode"
        #expect(try service.post(path, gzip, ["Content-Encoding": "gzip"]).status == 200)
        #expect(try service.post("/v1/classify", Array("nothing".utf8)).status == 415)
        #expect(try service.get("/somewhere/else").status == 404)
        let answer = try service.get("/metrics")
        #expect(answer.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        let metrics = Exposition(answer.text)
        func requests(_ method: String, _ route: String, _ code: String) -> Double? {
            metrics.value("weightspace_http_requests_total", ["method": method, "route": route, "code": code])
        }
        #expect(requests("POST", "/v1/classify", "200") == 2)
        #expect(requests("POST", "/v1/classify", "415") == 1)
        #expect(requests("POST", "/v1/models/{model}/encode", "200") == 1)
        #expect(requests("GET", "unmatched", "404") == 1)
        func inferences(_ outcome: String) -> Double? {
            metrics.value(
                "weightspace_inference_requests_total",
                ["model": model.name, "version": model.version, "outcome": outcome])
        }
        #expect(inferences("success") == 3)
        #expect(inferences("invalid") == 1)
        #expect(metrics.value("weightspace_parse_duration_seconds_count", ["format": "torch"]) == 2)
        #expect(metrics.value("weightspace_request_body_bytes_sum", ["format": "safetensors"]) == 5196)
        #expect(
            metrics.value(
                "weightspace_model_info",
                [
                    "model": model.name, "version": model.version, "sha256": model.sha256,
                ]) == 1)
        #expect(metrics.value("weightspace_ready") == 1)
        #expect(metrics.value("weightspace_queue_depth", ["model": model.name]) == 0, "also while nothing waits")
        #expect(metrics.value("weightspace_requests_in_flight") == 1, "this scrape")
    }

    @Test("the access log learns of the model and the number of networks, by either protocol and where they fail")
    func accessLog() throws {
        let model = try Models.embedded.get()
        func logged(_ path: String, _ body: [UInt8], _ fields: [String: String] = [:]) throws -> [String?] {
            _ = try service.post(path, body, fields)
            let metadata = AccessLog.metadata(of: try service.records.take())
            return ["model", "networks"].map { name in metadata[name].map { "\($0)" } }
        }
        let stack = SafetensorsWriter.write(try Samples.stack())
        #expect(try logged("/v1/classify", stack) == [model.name, "4"])
        #expect(try logged("/v1/classify?output=png", stack) == [model.name, "4"])
        #expect(try logged("/v1/classify", Array("nothing".utf8)) == [nil, nil])
        #expect(try logged("/v1/render", stack) == [nil, "4"])
        #expect(try logged("/v1/render?model=\(model.name)", stack) == [model.name, "4"])
        let flat = FloatBytes.littleEndian(try Samples.network().flattened)
        let length = ["Inference-Header-Content-Length": "0"]
        #expect(try logged("/v2/models/\(model.name)/infer", flat, length) == [model.name, "1"])
    }

    @Test("a request that cannot be parsed does not change the number in flight")
    func inFlight() throws {
        service.handler.finished(
            AccessRecord(
                head: nil, status: 400, bytesIn: 0, bytesOut: 0, duration: .zero, peer: "p", id: "i",
                reason: "bad_request", context: nil))
        let metrics = Exposition(try service.get("/metrics").text)
        #expect(metrics.value("weightspace_requests_in_flight") == 1, "this scrape")
    }
}
