import Engine
import Models
import Networks
import SIREN
import Tensors
import TestSupport
import Testing

@testable import ModelStore

@Suite("Networks that are read by their values alone")
struct FunctionPathTests {
    private let pool = WorkerPool(threads: 1)

    private func classes(_ model: ServedModel, _ prepared: PreparedNetwork) throws -> Classification {
        try #require(try model.run(.classes, [prepared.content], pool)[0].classes)
    }

    @Test("the values alone give what the probes say of the weights")
    func sameAsProbes() throws {
        let model = try SampleModel.probingPictures(share: 0.5).load()
        for seed in 0..<4 as Range<UInt64> {
            let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: seed)
            let read = try classes(model, try model.prepare(network, NotationClaims(.nfn)))
            let function = PreparedNetwork(
                content: .function(try DrawnFunction(network, .nfn)), network: network, reading: nil)
            let drawn = try classes(model, function)
            #expect(drawn.opinions.map(\.name) == ["weights", "probes"])
            #expect(drawn.opinions[0].scores == nil && drawn.agrees == nil)
            let probes = try #require(read.opinions[1].scores).logits
            #expect(largestDifference(drawn.scores.logits, probes) < 1e-4)
        }
    }

    @Test(
        "a network of another depth, activation or number of channels is classified by its function, with the reason",
        arguments: [
            ([2, 6, 6, 6, 1], Nonlinearity.sine, "layers"), ([2, 6, 6, 3], .sine, "the model reads"),
            ([2, 6, 6, 1], .relu, "relu"), ([2, 9, 1], .tanh, "layer"), ([2, 6, 6, 1], .gaussian, "gaussian"),
        ])
    func others(sizes: [Int], activation: Nonlinearity, reason: String) throws {
        let model = try SampleModel.probingPictures(share: 0.5).load()
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 3)
        var claims = NotationClaims(NotationPreset.nfn)
        claims.claim(activation: activation, "as requested")
        let prepared = try model.prepare(network, claims)
        #expect(try #require(prepared.unreadWeights).contains(reason))
        let answer = try classes(model, prepared)
        let logits = answer.scores.logits
        #expect(logits.allSatisfy { $0.isFinite })
        #expect(answer.opinions.first?.scores == nil)
        #expect(throws: NetworkError.self) { try model.prepare(network, claims, for: .latents) }
    }

    @Test("a model that reads weights only refuses such a network")
    func weightsOnly() throws {
        let model = try SampleModel.classifyingPictures().load()
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 6, 6, 6, 1]), seed: 3)
        let error = try #require(throws: NetworkError.self) { try model.prepare(network, NotationClaims(.nfn)) }
        #expect(error.detail.contains("layers"))
    }

    @Test("three inputs or two outputs have no picture, and no answer")
    func noPicture() throws {
        let model = try SampleModel.probingPictures(share: 0.5).load()
        for sizes in [[3, 6, 6, 1], [2, 6, 6, 2]] {
            let network = NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 3)
            #expect(throws: NetworkError.self) { try model.prepare(network, NotationClaims(.nfn)) }
        }
    }
}
