import Engine
import ModelStore
import Networks
import SIREN
import Tensors
import Testing

@Suite struct OpinionTests {
    private let pool = WorkerPool(threads: 1)

    private func classification(_ model: ServedModel, seed: UInt64) throws -> Classification {
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: seed)
        let features = try model.prepare(network, UploadConvention(convention: .nfn)).features
        return model.classification(try model.run(.classify, [features], pool)[0])
    }

    @Test("the answer mixes what weights and probes say by the probes' share")
    func mixes() throws {
        let model = try SampleModel.probingPictures(share: 0.25).load()
        let weightsAlone = try SampleModel.classifyingPictures().load()
        for seed in 0..<6 {
            let answer = try classification(model, seed: UInt64(seed))
            let opinions = try #require(answer.opinions)
            let mixed = zip(opinions.weights, opinions.probes).map { 0.75 * $0 + 0.25 * $1 }
            #expect(largestDifference(answer.logits, mixed) < 1e-5)
            #expect(
                try largestDifference(opinions.weights, classification(weightsAlone, seed: UInt64(seed)).logits) < 1e-5)
        }
    }

    @Test("parts agree where their highest logits are of one class")
    func agrees() {
        #expect(Classification([0, 1, 2, 3, 0, 5], classes: 2).agrees == true)
        #expect(Classification([0, 1, 3, 2, 0, 5], classes: 2).agrees == false)
        let sole = Classification([4, 1], classes: 2)
        #expect(sole.agrees == nil && sole.opinions == nil && sole.best == 0)
    }

    @Test("probes see the network's function: flipped signs and half turns change nothing that they say")
    func probesIgnoreSymmetries() throws {
        let model = try SampleModel.probingPictures(share: 1).load()
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 8)
        var flipped = network
        for index in 0..<2 { flipped.layers[0].weight.values[index].negate() }
        flipped.layers[0].bias.values[0].negate()
        flipped.layers[1].flipInputs([true, false, false, false, false, false])
        func logits(_ network: NetworkWeights) throws -> [Float] {
            let features = try model.prepare(network, UploadConvention(convention: .nfn)).features
            return model.classification(try model.run(.classify, [features], pool)[0]).logits
        }
        #expect(try largestDifference(logits(flipped), logits(network)) < 1e-4)
    }

    @Test("a probe of another number of classes, or a share above one, is refused")
    func refuses() throws {
        let model = try SampleModel.probingPictures()
        #expect(model.replacing(#""n_classes": 2, "n_probes""#, with: #""n_classes": 3, "n_probes""#).refusal != nil)
        let refusal = try #require(model.replacing(#""probe_share": 0.25"#, with: #""probe_share": 1.5"#).refusal)
        #expect(refusal.contains("probe_share") && refusal.contains("received 1.5"))
    }

    @Test("a grid of probes that the stages would halve to nothing is refused, with the number of stages")
    func refusesVanishingGrids() throws {
        let stages = #""grid": [4, 7], "head": "conv", "channels": [2, 2, 2, 2], "num_blocks": 1"#
        let model = try SampleModel.probingPictures().replacing(#""n_probes": 5, "hidden": [4]"#, with: stages)
        let refusal = try #require(model.refusal)
        #expect(refusal.contains("4 stages halve a grid of 4 × 7 3 times"), "\(refusal)")
        let fewer = model.replacing("[2, 2, 2, 2]", with: "[2, 2, 2]")
        #expect(try !#require(fewer.refusal).contains("halve"))
    }
}
