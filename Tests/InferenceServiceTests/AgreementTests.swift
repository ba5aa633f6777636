import ModelStore
import Networks
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: opinions of the parts of a model")
struct AgreementTests {
    @Test("a model of two parts says whether they agree and what each says")
    func saysWhetherPartsAgree() throws {
        let service = try ServiceDriver()
        let body = SafetensorsWriter.write(try Samples.stack())
        let items = try service.post("/v1/classify?top_k=2", body).items("predictions")
        #expect(items.count == 4)
        for item in items {
            let agrees = try #require(item["agreement"]?.bool as Bool?)
            let weights = try #require(item["opinions"]?["weights"])
            let probes = try #require(item["opinions"]?["probes"])
            #expect(agrees == (weights["class_id"]?.int == probes["class_id"]?.int))
            for opinion in [weights, probes] {
                #expect(opinion.members?.map(\.name) == ["class_id", "label", "score"])
                let score = try #require(opinion["score"]?.double)
                #expect(score > 0.1 && score <= 1)
            }
        }
    }

    @Test("arrays of logits hold the model's logits, not those of its parts")
    func arraysHoldTheAnswer() throws {
        let service = try ServiceDriver()
        let body = SafetensorsWriter.write(try Samples.stack())
        let npy = try service.post("/v1/classify?output=npy", body)
        let array = try #require(try WeightFile.read(npy.body).stateDict().entries.first?.tensor)
        #expect(array.shape == [4, 10])
    }
}
