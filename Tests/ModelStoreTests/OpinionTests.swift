import Engine
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import Testing

@Suite struct OpinionTests {
    private let pool = WorkerPool(threads: 1)

    private func classification(_ model: ServedModel, seed: UInt64) throws -> Classification {
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: seed)
        let features = try model.prepare(network, NotationClaims(.nfn)).content
        return try #require(try model.run(.classes, [features], pool)[0].classes)
    }

    @Test("the answer mixes what weights and probes say by the probes' share")
    func mixes() throws {
        let model = try SampleModel.probingPictures(share: 0.25).load()
        let weightsAlone = try SampleModel.classifyingPictures().load()
        for seed in 0..<6 {
            let answer = try classification(model, seed: UInt64(seed))
            try #require(answer.opinions.map(\.name) == ["weights", "probes"])
            let weights = try #require(answer.opinions[0].scores).logits
            let probes = try #require(answer.opinions[1].scores).logits
            let mixed = zip(weights, probes).map { 0.75 * $0 + 0.25 * $1 }
            #expect(largestDifference(answer.scores.logits, mixed) < 1e-5)
            let alone = try classification(weightsAlone, seed: UInt64(seed))
            #expect(alone.opinions.isEmpty && alone.agrees == nil)
            #expect(largestDifference(weights, alone.scores.logits) < 1e-5)
        }
    }

    @Test("parts agree where their highest logits are of one class")
    func agrees() {
        func answer(_ parts: [[Float]]) -> Classification {
            let scores = parts.map { ClassScores(logits: $0, temperature: 1) }
            return Classification(scores: scores[0], opinions: scores.map { Opinion(name: "part", scores: $0) })
        }
        #expect(answer([[2, 3], [0, 5]]).agrees == true)
        #expect(answer([[3, 2], [0, 5]]).agrees == false)
        #expect(Classification(scores: ClassScores(logits: [4, 1], temperature: 1), opinions: []).agrees == nil)
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
            let features = try model.prepare(network, NotationClaims(.nfn)).content
            return try #require(try model.run(.classes, [features], pool)[0].classes).scores.logits
        }
        #expect(try largestDifference(logits(flipped), logits(network)) < 1e-4)
    }

    @Test(
        "a mirrored model of a folder answers a network and its mirror image alike, whichever coordinate is the column",
        arguments: [(NotationPreset.nfn, 1), (.dws, 0)])
    func mirrors(convention: NotationPreset, column: Int) throws {
        let probe =
            #"{"type": "ProbeClassifier", "file": "probe.safetensors", "n_classes": 2, "grid": [8, 8], "head": "conv", "channels": [2, 3], "num_blocks": [0], "mirrored": true}"#
        let input =
            #"{"family": "siren", "sizes": [2, 6, 6, 1], "omega0": 30, "convention": "\#(convention.rawValue)", "canonicalize": false, "array_scales": null}"#
        let parameters = try SampleModel.parameters {
            _ = try ProbeClassifier(
                $0, ProbeConfiguration(try Settings(json: Array(probe.utf8))), spec: SampleModel.pictureSpec, omega0: 30
            )
        }
        let model = try SampleModel(
            #"{"name": "mirror", "labels": ["a", "b"], "input": \#(input), "model": \#(probe)}"#,
            ["probe.safetensors": parameters]
        ).load()
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 8)
        func logits(negating input: Int?) throws -> [Float] {
            var moved = network
            for index in moved.layers[0].weight.values.indices where index % 2 == input {
                moved.layers[0].weight.values[index].negate()
            }
            let features = try model.prepare(moved, NotationClaims(convention)).content
            return try #require(try model.run(.classes, [features], pool)[0].classes).scores.logits
        }
        let own = try logits(negating: nil)
        #expect(try largestDifference(logits(negating: column), own) < 1e-5)
        #expect(try largestDifference(logits(negating: 1 - column), own) > 1e-4)
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
        let stages = #""grid": [4, 7], "head": "conv", "channels": [2, 2, 2, 2], "num_blocks": [1, 0, 1]"#
        let model = try SampleModel.probingPictures().replacing(#""n_probes": 5, "hidden": [4]"#, with: stages)
        let refusal = try #require(model.refusal)
        #expect(refusal.contains("3 stages halve a grid of 4 × 7 to nothing"), "\(refusal)")
        let fewer = model.replacing("[2, 2, 2, 2]", with: "[2, 2, 2]").replacing("[1, 0, 1]", with: "[1, 0]")
        #expect(try !#require(fewer.refusal).contains("halve"))
    }
}

extension Answer {
    var classes: Classification? { if case .classes(let classes) = self { classes } else { nil } }
}
