import Foundation
import Tensors
import Testing
import WeightFormats

@testable import ModelStore

/// What a checkpoint reveals of its settings, and what errors say where it does not fit.
@Suite struct CheckpointTests {
    private static let samples: [@Sendable () throws -> SampleModel] = [
        { try .probingPictures() }, { try .autoencoder() }, { try .autoencoder(isGated: true) },
        { try .invariantClassifier() }, { try .invariantPredictor() }, { try .statisticsPredictor() },
    ]

    /// The members that the file does not reveal.
    private static let unrevealed = [
        "name", "task", "version", "labels", "temperature", "card", "input", "probe_share", "file", "model",
        "num_heads",
        "heads", "spatial", "sigmoid", "encoder", "classifier", "network", "probe",
    ]

    private func removingRevealed(_ value: Any, isInside: Bool) -> Any {
        guard let object = value as? [String: Any] else { return value }
        return object.reduce(into: [String: Any]()) { result, member in
            let isPart = ["encoder", "classifier", "network", "probe"].contains(member.key)
            if isInside, !Self.unrevealed.contains(member.key) { return }
            result[member.key] = isPart ? removingRevealed(member.value, isInside: true) : member.value
        }
    }

    @Test("settings that the parameters reveal may be left out: the same outputs", arguments: samples)
    func revealedSettings(_ make: @Sendable () throws -> SampleModel) throws {
        let sample = try make()
        let document = try JSONSerialization.jsonObject(with: Data(sample.configuration.utf8))
        let short = removingRevealed(document, isInside: false)
        var shorter = sample
        shorter.configuration = String(decoding: try JSONSerialization.data(withJSONObject: short), as: UTF8.self)
        #expect(shorter.configuration.utf8.count < sample.configuration.utf8.count)
        #expect(try shorter.load().outputs == sample.load().outputs)
    }

    @Test(
        "what shapes do not reveal must be said",
        arguments: [
            (#""omega0": 30, "#, "'input.omega0': is missing; the shapes of the parameters do not reveal it: write"),
            (#""convention": "nfn", "#, "'input.convention': is missing"),
            (#""canonicalize": true, "#, "'input.canonicalize': is missing"),
            (#", "array_scales": [1, 2, 3, 4, 5, 6]"#, "'input.array_scales': is missing"),
            (#""num_heads": 2, "#, "'encoder.num_heads': is missing"),
            (#""spatial": true, "#, "'encoder.spatial': is missing"),
            (#""heads": 2, "#, "'classifier.heads' is missing"),
            (#""probe_share": 0.25, "#, "'probe_share': is missing"),
        ])
    func demandedMembers(text: String, reason: String) throws {
        let sample = try SampleModel.probingPictures()
        let damaged = sample.replacing(text, with: "")
        #expect(damaged.configuration != sample.configuration)
        let refusal = try #require(damaged.refusal)
        #expect(refusal.contains(reason), "\(refusal)")
    }

    @Test("predictors must say what maps their output, and how weights are scaled")
    func demandedMembersOfPredictors() throws {
        let sample = try SampleModel.statisticsPredictor()
        for (text, reason) in [
            (#", "sigmoid": true"#, "'network.sigmoid': is missing"),
            (#""canonical_scale": false, "#, "'input.canonical_scale': is missing"),
            (#", "array_scales": null"#, "'input.array_scales': is missing"),
        ] {
            let damaged = sample.replacing(text, with: "")
            #expect(damaged.configuration != sample.configuration)
            #expect(try #require(damaged.refusal).contains(reason))
        }
        let odd = sample.replacing(#""canonical_scale""#, with: #""omega0": 30, "canonical_scale""#)
        #expect(try #require(odd.refusal).contains("'input.omega0': has no effect"))
    }

    @Test("an unknown member is refused in every section, with the nearest known name")
    func unknownMembers() throws {
        let sample = try SampleModel.probingPictures()
        for (anchor, section, name, nearest) in [
            (#""version": "2.1""#, "", "label", "labels"),
            (#""sizes""#, "input.", "images", "image"),
            (#""block_type""#, "encoder.", "num_head", "num_heads"),
            (#""n_latent""#, "encoder.pool_cls.", "latent_dims", "latent_dim"),
            (#""d_model""#, "classifier.", "num_block", "num_blocks"),
            (#""n_probes""#, "probe.", "hiden", "hidden"),
        ] {
            let damaged = sample.replacing(anchor, with: "\"\(name)\": 8, \(anchor)")
            let refusal = try #require(damaged.refusal)
            #expect(refusal.contains("unknown member '\(section)\(name)'; did you mean '\(nearest)'?"), "\(refusal)")
        }
        let predictor = try SampleModel.statisticsPredictor().replacing(
            #""h_size": 4"#, with: #""h_size": 4, "sigmoids": 1"#)
        #expect(try #require(predictor.refusal).contains("'network.sigmoids'; did you mean 'sigmoid'?"))
    }

    @Test("members and sections that would have no effect are refused")
    func ineffectiveMembers() throws {
        let predictor = try SampleModel.invariantClassifier()
        for (member, reason) in [
            (#""io_sinusoidal": {"max_freq": 3}"#, "pos_enc is not true"),
            (#""pointwise": {"out_channels": 3}"#, #"inp_enc is not "pointwise""#),
        ] {
            let changed = predictor.replacing(#""hchannels""#, with: "\(member), \"hchannels\"")
            #expect(try #require(changed.refusal).contains(reason))
        }
        let share = try SampleModel.autoencoder().replacing(#""task""#, with: #""probe_share": 0.5, "task""#)
        #expect(try #require(share.refusal).contains("'probe_share': has no effect"))
        let both = try SampleModel.statisticsPredictor().replacing(
            #""task""#, with: #""encoder": {"model": "AutoEncoder"}, "task""#)
        #expect(try #require(both.refusal).contains("'encoder': has no effect beside 'network'"))
    }

    @Test("a setting that contradicts the file is named as the cause, with both values")
    func contradictions() throws {
        let refusal = try #require(
            SampleModel.classifyingPictures().replacing(#""enc_map_size": 2"#, with: #""enc_map_size": 4"#).refusal)
        #expect(
            refusal.hasSuffix(
                "likely cause: encoder.enc_map_size is 4, the file has 2, and every channel count that differs is half of what is expected"
            ), "\(refusal)")
        #expect(refusal.contains(" more, ") && refusal.utf8.count < 1000)
        let blocks = try #require(
            SampleModel.autoencoder().replacing(#""num_blocks": 1"#, with: #""num_blocks": 3"#).refusal)
        #expect(blocks.contains("encoder.num_blocks is 3, the file has 1"), "\(blocks)")
        let latents = try #require(
            SampleModel.autoencoder().replacing(#""n_latent": 4"#, with: #""n_latent": 9"#).refusal)
        #expect(latents.contains("encoder.pool_cls.n_latent is 9, the file has 4"), "\(latents)")
    }

    @Test("names with another prefix, transposed matrices and another depth are recognised")
    func causes() throws {
        let sample = try SampleModel.autoencoder()
        let parameters = try SampleModel.encoderParameters()
        func refusal(_ changed: StateDict) throws -> String {
            try #require(sample.replacing("encoder.safetensors", with: changed).refusal)
        }
        #expect(
            try refusal(parameters.renaming { "lit.net." + $0 }).contains("names in the file begin with 'lit.net.'"))
        let part = StateDict(
            parameters.entries.filter { $0.name.hasPrefix("encoder.") }.map {
                NamedTensor(name: String($0.name.dropFirst("encoder.".count)), tensor: $0.tensor)
            })
        #expect(try refusal(part).contains("missing"))
        let deeper = try #require(
            sample.replacing("[2, 6, 6, 1]", with: "[2, 6, 6, 6, 1]")
                .replacing("[1, 2, 3, 4, 5, 6]", with: "[1, 2, 3, 4, 5, 6, 7, 8]").refusal)
        #expect(deeper.contains("the file was made for networks of 3 layers, 'input.sizes' has 4"), "\(deeper)")

        let statistics = try SampleModel.statisticsPredictor()
        let file = try WeightFile.read(try #require(statistics.files["network.safetensors"])).stateDict()
        let transposed = StateDict(
            file.entries.map { entry in
                guard entry.tensor.rank == 2 else { return entry }
                let shape = entry.tensor.shape
                let values = (0..<entry.tensor.count).map {
                    entry.tensor.values[$0 % shape[0] * shape[1] + $0 / shape[0]]
                }
                return NamedTensor(name: entry.name, tensor: Tensor(shape: shape.reversed(), values: values))
            })
        let text = try #require(statistics.replacing("network.safetensors", with: transposed).refusal)
        #expect(text.contains("the matrices are transposed"), "\(text)")
    }
}
