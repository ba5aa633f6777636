import ModelStore
import Models
import Networks
import Tensors
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: answers to equivalent weights")
struct CertifyTests {
    private let service: ServiceDriver

    init() throws { service = try ServiceDriver() }

    private func drift(_ item: JSONValue, _ kind: String) throws -> Double {
        try #require(item["drift"]?[kind]?.double, "\(item["drift"] ?? .null)")
    }

    @Test(
        "the embedded model changes by rounding only",
        arguments: [("classify", "predictions"), ("encode", "latents"), ("reconstruct", "reconstructions")])
    func embedded(_ path: String, _ list: String) throws {
        let network = try Samples.bytes("net0.safetensors")
        let plain = try service.post("/v1/\(path)", network).items(list)
        let item = try #require(try service.post("/v1/\(path)?certify=2", network).items(list).first)
        let drift = try #require(item["drift"]?.members?.map(\.name))
        #expect(drift == ["permutations", "sign_flips", "half_turns", "trials", "seed"])
        #expect(item["drift"]?["trials"]?.int == 2)
        for kind in drift.prefix(3) { #expect(try self.drift(item, kind) < 1e-4, "\(kind)") }
        for name in ["score", "data", "mse", "notation"] { #expect(item[name] == plain[0][name], "\(name)") }
    }

    @Test("a model that reads the scales of ReLUs as they are changes where these change")
    func scales() throws {
        let reference = try Models.accuracyPredictor()
        let service = try ServiceDriver(models: [reference.model])
        let body = SafetensorsWriter.write(reference.input)
        let items = try service.post("/v1/predict?certify=4&activation=relu", body).items()
        #expect(items.count == 2)
        for item in items {
            #expect(item["drift"]?.members?.map(\.name) == ["permutations", "rescalings", "trials", "seed"])
            #expect(try drift(item, "permutations") < 1e-5)
            #expect(try drift(item, "rescalings") > 1e-3)
        }
        let other = try service.post("/v1/predict?certify=4&activation=tanh", body).items()
        #expect(other[0]["drift"]?.members?.map(\.name) == ["permutations", "sign_flips", "trials", "seed"])
    }

    @Test("the same request has the same drift; a seed gives another one, and is returned")
    func seeds() throws {
        let network = try Samples.bytes("net1.safetensors")
        func drift(_ query: String) throws -> JSONValue? {
            try service.post("/v1/encode?\(query)", network).items("latents")[0]["drift"]
        }
        let first = try #require(try drift("certify=1"))
        #expect(try drift("certify=1") == first)
        let seed = try #require(first["seed"]?.int)
        #expect(try drift("certify=1&seed=\(seed)") == first)
        let other = try #require(try drift("certify=1&seed=7"))
        #expect(other["seed"]?.int == 7 && other != first)
    }

    @Test("networks of another activation, read by their function, have the kinds of that activation")
    func functions() throws {
        let item = try #require(
            try service.post("/v1/classify?certify=1&activation=relu", try Samples.bytes("net0.safetensors")).items()
                .first)
        #expect(item["weights_unread"] != nil)
        #expect(item["drift"]?.members?.map(\.name) == ["permutations", "rescalings", "trials", "seed"])
        #expect(try drift(item, "rescalings") < 1e-4)
    }

    @Test("of several networks each has its drift, and a bad one its error")
    func batches() throws {
        var form = Form()
        form.add("file", file: "a", try Samples.bytes("net0.safetensors"))
        form.add("file", file: "b", Array("nothing".utf8))
        form.add("file", file: "c", try Samples.bytes("net1.safetensors"))
        form.add("certify", "1")
        let items = try service.send("POST", "/v1/classify", Form.fields, form.closed).items()
        #expect(items.map { $0["drift"] != nil } == [true, false, true])
        #expect(items[1]["error"] != nil)
        #expect(try drift(items[2], "half_turns") < 1e-4)
    }

    @Test("the protocols have it too")
    func protocols() throws {
        let state = try Samples.tensors(0)
        let name = try Models.embedded.get().name
        let prediction = try service.post(
            "/v1/models/\(name):predict", json: "{\"instances\":[\(Samples.json(state))],\"certify\":1}"
        ).json()["predictions"]?.array?.first
        #expect(try drift(try #require(prediction), "permutations") < 1e-4)
        let inputs = state.entries.map { entry in
            let shape = [1] + entry.tensor.shape
            return
                "{\"name\":\"\(entry.name)\",\"shape\":\(shape),\"datatype\":\"FP32\",\"data\":\(entry.tensor.values)}"
        }
        let infer = try service.post(
            "/v2/models/\(name)/infer",
            json: """
                {"inputs": [\(inputs.joined(separator: ","))], "parameters": {"certify": 1},
                 "outputs": [{"name": "probabilities"}, {"name": "latent"}]}
                """
        ).json()
        let parameters = try #require(infer["parameters"])
        for output in ["classify", "encode"] {
            for kind in ["permutations", "sign_flips", "half_turns"] {
                let figure = try #require(parameters["drift_\(output)_\(kind)"]?.double)
                #expect(figure < 1e-4)
            }
        }
    }

    @Test("too many networks, and outputs without a place for it, are refused with the limit")
    func limits() throws {
        let stack = SafetensorsWriter.write(try Samples.stack())
        let many = try ServiceDriver({ $0.maxNetworks = 24 })
        let problem = try many.post("/v1/classify?certify=2", stack).problem()
        #expect(problem.status == 422 && problem.code == "batch_too_large")
        #expect(
            problem.detail
                == "option 'certify': with 2 changes of each kind, 28 networks are to be answered; at most 24 are allowed in one request"
        )
        #expect(try many.post("/v1/classify?certify=1", stack).items().count == 4)
        for query in ["certify=33", "certify=0", "certify=1&output=npy", "certify=1&seed=-1"] {
            let problem = try service.post("/v1/encode?\(query)", try Samples.bytes("net0.npz")).problem()
            #expect(problem.status == 400, "\(query)")
        }
        let drawn = try service.post("/v1/render?certify=1", try Samples.bytes("net0.npz")).problem()
        #expect(drawn.status == 400 && drawn.detail.contains("unknown option 'certify'"))
    }

    @Test("a changed network without an answer has no figure")
    func failures() throws {
        // The network itself is answered, what is equivalent to it is not.
        let service = try ServiceDriver { _ in
        } compute: { _, networks, _ in
            networks.indices.map { $0 == 0 ? .success([.scalars([0.5])]) : .failure(.nonFiniteOutput) }
        }
        let item = try service.post("/v1/classify?certify=1", try Samples.bytes("net0.npz")).items()[0]
        #expect(item["drift"]?["permutations"] == .null)
    }
}
