import Foundation
import Tensors
import Testing
import WeightFormats

@testable import ModelStore

@Suite struct ModelFolderErrorTests {
    @Test(
        "a damaged configuration is refused with the member at fault",
        arguments: [
            (#""task": "classify""#, #""task": "paint""#, "task"),
            (#""name": "two-classes""#, #""name": "a/b""#, "received 'a/b'"),
            (#""name": "two-classes""#, #""name": """#, "name"),
            (#""name": "two-classes", "#, "", "'name' is missing"),
            (#""version": "2.1""#, #""version": "2 1""#, "received '2 1'"),
            (#""labels": ["no", "yes"]"#, #""labels": ["no"]"#, "1 labels for 2 classes"),
            (#""temperature": 2"#, #""temperature": 0"#, "a number above 0"),
            (#""sizes": [2, 6, 6, 1]"#, #""sizes": [2]"#, "sizes"),
            (#""sizes": [2, 6, 6, 1]"#, #""sizes": [2, -6, 6, 1]"#, "sizes"),
            (#""sizes": [2, 6, 6, 1]"#, #""sizes": [3, 6, 6, 1]"#, "does not draw"),
            (#""image": [5, 7, 1], "#, "", "input.image"),
            (#""image": [5, 7, 1]"#, #""image": [5, 0, 1]"#, "[height, width, channels]"),
            (
                #""array_scales": [1, 2, 3, 4, 5, 6]"#, #""array_scales": [1, 2]"#,
                "expected 6 numbers other than 0, received [1, 2]"
            ),
            (#""convention": "nfn""#, #""convention": "xy""#, "expected nfn or dws, received 'xy'"),
            (#""canonicalize": true"#, #""canonicalize": true, "family": "cnn""#, "sine networks only"),
            (
                #""canonicalize": true"#, #""canonicalize": true, "canonical_scale": true"#,
                "'input.canonical_scale': has no"
            ),
            (#""omega0": 30"#, #""omega0": 0"#, "a number above 0"),
            (#""canonicalize": true"#, #""canonicalize": true, "max_hidden_width": -1"#, "max_hidden_width"),
            (
                #""canonicalize": true"#, #""canonicalize": true, "filters": [null]"#,
                "for each of the 3 layers, received [null]"
            ),
            (
                #""canonicalize": true"#, #""canonicalize": true, "filters": [[0, 3], null, null]"#,
                "received [[0, 3], null, null]"
            ),
            (
                #""canonicalize": true"#, #""canonicalize": true, "filters": [[3, 3], null, null]"#,
                "fully connected networks only"
            ),
            (#""model": "AutoEncoder""#, #""model": "VAE""#, "expected AutoEncoder, received 'VAE'"),
            (#""file": "encoder.safetensors""#, #""file": "../encoder.safetensors""#, "'../encoder.safetensors'"),
            (#""file": "encoder.safetensors""#, #""file": "..""#, "received '..'"),
            (#""file": "encoder.safetensors""#, #""file": "other.safetensors""#, "'other.safetensors' cannot be read"),
            (#""n_latent": 4"#, #""n_latent": 16"#, "parameter 'encoder.3.net.1.latents': expected shape [16, 3]"),
            (#""n_latent": 4"#, #""n_latent": -4"#, "n_latent"),
            (#""enc_map_size": 2"#, #""enc_map_size": 3"#, "parameter 'encoder.0._B': expected shape [1, 3]"),
            (#""heads": 2, "dim_feed"#, #""heads": 3, "dim_feed"#, "does not divide into 3 heads"),
            (#""d_model": 4"#, #""d_model": 0"#, "d_model"),
            (#""num_heads": 2"#, #""num_head": 2"#, "unknown member 'encoder.num_head'; did you mean 'num_heads'?"),
            (
                #""n_latent": 4"#, #""n_latent": 4, "depth": 1"#,
                "unknown member 'encoder.pool_cls.depth'; expected one of"
            ),
            (#""positions": 4"#, #""position": 4"#, "positions"),
            (#""temperature": 2"#, #""temprature": 2"#, "unknown member 'temprature'; did you mean 'temperature'?"),
            (#""canonicalize": true"#, #""canonicalise": true"#, "unknown member 'input.canonicalise'; did you mean"),
        ])
    func damagedConfigurations(text: String, replacement: String, reason: String) throws {
        let sample = try SampleModel.classifyingPictures()
        let damaged = sample.replacing(text, with: replacement)
        #expect(damaged.configuration != sample.configuration)
        let refusal = try #require(damaged.refusal)
        #expect(refusal.contains(reason), "\(refusal)")
    }

    @Test("what is no JSON, or no folder, is refused")
    func unreadableFolders() throws {
        var sample = try SampleModel.classifyingPictures()
        sample.configuration = "{ not json"
        #expect(try #require(sample.refusal).contains("config.json"))
        let nowhere = URL(fileURLWithPath: "/nonexistent/model")
        #expect(throws: ModelFolderError(folder: "model", reason: "'config.json' cannot be read")) {
            try ModelFolder.load(nowhere)
        }
    }

    @Test("damaged parameters are all named, with their file")
    func damagedParameters() throws {
        let sample = try SampleModel.classifyingPictures()
        var parameters = try SampleModel.encoderParameters()
            .removing("encoder.1.inp_emb.weight").changing("encoder.0._B") { _ in .nan }
        parameters.set(NamedTensor(name: "surplus", tensor: Tensor(zeros: [2])))
        let refusal = try #require(sample.replacing("encoder.safetensors", with: parameters).refusal)
        for part in [
            "'encoder.safetensors': missing parameter 'encoder.1.inp_emb.weight' of shape [2, 4]",
            "'encoder.safetensors': unexpected parameter 'surplus'", "parameter 'encoder.0._B': element 0 is nan",
        ] {
            #expect(refusal.contains(part), "\(refusal)")
        }
        var broken = sample
        broken.files["encoder.safetensors"]?.removeLast()
        #expect(try #require(broken.refusal).contains("'encoder.safetensors': "))
    }

    @Test("networks that do not fit each other or the task are refused")
    func unfittingNetworks() throws {
        let sample = try SampleModel.classifyingPictures()
        #expect(
            try #require(sample.removing("classifier").refusal)
                .contains("needs an encoder and a classifier"))
        #expect(
            try #require(SampleModel.autoencoder().removing("encoder").refusal)
                .contains("needs an encoder"))
        #expect(
            try #require(SampleModel.statisticsPredictor().removing("network").refusal)
                .contains("needs a network"))
        #expect(
            try #require(
                SampleModel.invariantClassifier().replacing(
                    #""task": "classify""#, with: #""task": "predict_accuracy""#
                )
                .refusal
            ).contains("needs one output, received 3"))
        #expect(
            try #require(
                SampleModel.statisticsPredictor().replacing("predict_accuracy", with: "classify").refusal
            ).contains("InvariantNFN"))
    }

    @Test("a classifier that reads other latents than the encoder makes is refused")
    func unfittingLatents() throws {
        let sample = try SampleModel.classifyingPictures()
        let classifier = try WeightFile.read(try #require(sample.files["classifier.safetensors"])).stateDict()
        var shorter = classifier
        shorter.set(NamedTensor(name: "pos.weight", tensor: Tensor(zeros: [2, 4])))
        let refusal = sample.replacing("classifier.safetensors", with: shorter)
            .replacing(#""positions": 4"#, with: #""positions": 2"#).refusal
        #expect(try #require(refusal).contains("at most 2 latents of 3, the encoder makes 4 of 3"))
    }

    /// The samples, as text where a number of a network's section may be replaced.
    private static let samples: [@Sendable () throws -> SampleModel] = [
        { try .probingPictures() }, { try .autoencoder() }, { try .invariantClassifier() },
        { try .invariantPredictor() },
        { try .statisticsPredictor() },
    ]

    @Test(
        "settings that ask for more than memory holds are refused like any others that do not fit", arguments: samples)
    func hugeSettings(_ make: @Sendable () throws -> SampleModel) throws {
        let sample = try make()
        let settings = [
            "enc_map_size", "ff_factor", "dec_hidden_size", "n_latent", "latent_dim", "n_classes", "d_model",
            "dim_feedforward", "positions", "n_probes", "mapping_size", "h_size", "num_out",
        ]
        let all = settings.reduce(sample) { $0.replacing(setting: $1, with: 8192) }
        let blocks = all.replacing(setting: "num_blocks", with: 256)
        for changed in settings.map({ sample.replacing(setting: $0, with: 8192) }) + [all, blocks]
        where changed.configuration != sample.configuration {
            #expect(changed.refusal != nil, "\(changed.configuration)")
        }
        #expect(all.configuration != sample.configuration)
    }
}
