import ModelStore
import NetworkReading
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

/// Requests that name no model where several are served, and uploads of CNNs.
@Suite("Service: choice of the model")
struct ModelChoiceTests {
    private let service: ServiceDriver
    private let reference: Models.Reference

    init() throws {
        reference = try Models.accuracyPredictor()
        service = try ServiceDriver(models: [try Models.embedded.get(), reference.model])
    }

    private func network() throws -> StateDict { reference.input.mapping { $0.slice(0) } }

    @Test("the model that offers the operation and reads the upload answers, and the answer says so")
    func choice() throws {
        let cnn = try service.post("/v1/predict", SafetensorsWriter.write(try network())).json()
        #expect(cnn["model"]?["name"]?.string == "accuracy")
        #expect(cnn["model"]?["chosen"]?.string?.contains("only model that offers predict") == true)
        let accuracy = try #require(cnn["predictions"]?.array?.first?["accuracy"]?.double)
        #expect(abs(Float(accuracy) - reference.output[0]) < 1e-5)
        let siren = try service.post("/v1/classify", Samples.safetensors(try Samples.network())).json()
        #expect(siren["model"]?["name"]?.string == (try Models.embedded.get().name))
        #expect(siren["model"]?["chosen"] == nil)
    }

    @Test("of several that read the upload the first answers, and the others are named")
    func severalReaders() throws {
        let (first, second) = (
            try Models.embedded(named: "first", isDecoderTrained: true),
            try Models.embedded(named: "second", isDecoderTrained: true)
        )
        let service = try ServiceDriver(models: [reference.model, first, second])
        let answer = try service.post("/v1/encode", Samples.safetensors(try Samples.network())).json()
        #expect(answer["model"]?["name"]?.string == "first")
        #expect(answer["model"]?["chosen"]?.string?.contains("so do 'second'") == true)
    }

    @Test("where no model reads the network, or offers the operation, the error says which do what")
    func noReader() throws {
        let other = NetworkWeights.example(
            spec: NetworkSpec(sizes: [1, 4, 3], kernels: [[3, 3], []]), seed: 1)
        let fault = try service.post("/v1/predict", Samples.safetensors(other)).json(422)
        let detail = try #require(fault["detail"]?.string)
        #expect(detail.contains("the model reads CNNs 1-*-*-3 of 2 convolutions (3 × 2, 3 × 3)"), "\(detail)")
        let sirens = try ServiceDriver(models: [
            try Models.embedded(named: "first", isDecoderTrained: false),
            try Models.embedded(named: "second", isDecoderTrained: false),
        ])
        let refusal = try sirens.post("/v1/predict", SafetensorsWriter.write(try network())).json(404)
        #expect(refusal["detail"]?.string?.contains("'second' offers classify, encode") == true)
    }

    @Test("lists of models say what each reads")
    func lists() throws {
        let models = try #require(try service.get("/v1/models").json()["models"]?.array)
        #expect(models.compactMap { $0["input"]?["family"]?.string } == ["siren", "cnn"])
        #expect(models[1]["operations"]?.strings == ["predict"])
        #expect(models[1]["input"]?["layouts"]?.strings == ["pytorch", "cnn-zoo"])
        #expect(models[1]["input"]?["reads"]?.string?.hasPrefix("CNNs 1-*-*-3") == true)
    }

    @Test("the activation of a CNN is a claim that is echoed, and only relu and tanh are read")
    func activations() throws {
        let body = SafetensorsWriter.write(try network())
        let tanh = try service.post("/v1/predict?activation=tanh", body).items()[0]
        #expect(tanh["reading"]?["activation"]?.string == "tanh")
        #expect(tanh["reading"]?["reasons"]?["activation"]?.string == "as requested")
        let fault = try service.post("/v1/predict?activation=sine", body).json(422)
        #expect(fault["detail"]?.string?.contains("a CNN of relu or tanh activations") == true)
    }

    @Test("layout=cnn-zoo reads biases before kernels in the order of TensorFlow; unclear vectors carry a warning")
    func layouts() throws {
        let weights = try NetworkWeights(try network())
        let row = weights.layers.flatMap { layer -> [Float] in
            let shape = layer.weight.shape
            let (outputs, inputs, positions) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
            let places = (0..<positions).flatMap { p in
                (0..<inputs).flatMap { i in (0..<outputs).map { o in (o * inputs + i) * positions + p } }
            }
            return layer.bias.values + places.map { layer.weight.values[$0] }
        }
        let expected = try service.post("/v1/predict", SafetensorsWriter.write(try network())).items()[0]["accuracy"]
        let json = "{\"weights\": \(row)}"
        for answer in [
            try service.post("/v1/predict?layout=cnn-zoo", json: json),
            try service.post("/v1/predict", json: "{\"layout\": \"cnn-zoo\", \"weights\": \(row)}"),
        ] {
            let item = try answer.items()[0]
            #expect(item["accuracy"] == expected && item["reading"]?["layout"]?.string == "cnn-zoo")
        }
        let unsaid = try service.post("/v1/predict", json: json).items()[0]
        #expect(unsaid["reading"]?["confident"]?.bool == false)
        #expect(unsaid["warnings"]?.strings?.contains { $0.contains("layout=cnn-zoo") } == true)
        #expect(
            try service.post("/v1/predict?layout=zoo", json: json).json(400)["detail"]?.string?.contains("cnn-zoo")
                == true)
    }
}
