import Models
import Networks
import NeuralFunctionals
import SIREN
import Testing

@Suite struct ModelSettingsTests {
    private static let encoder =
        #"{"block_type": "nft", "num_blocks": 1, "enc_map_size": 2, "num_heads": 2, "pool_cls": {"n_latent": 4, "latent_dim": 2}}"#

    private func build(
        _ configuration: String, sizes: [Int] = [2, 4, 1], kernels: [[Int]]? = nil, channels: Int = 1
    ) throws {
        _ = try Inr2Array(
            ParameterReader(drawing: 1).root, try Inr2ArrayConfiguration(try settings(configuration)),
            spec: NetworkSpec(sizes: sizes, kernels: kernels),
            image: ImageShape(height: 4, width: 4, channels: channels)
        )
    }

    @Test(
        "sizes that no model can have are refused, not tried",
        arguments: [
            (#""num_blocks": 1"#, #""num_blocks": -1"#), (#""num_heads": 2"#, #""num_heads": 0"#),
            (#""num_heads": 2"#, #""num_heads": 3"#), (#""enc_map_size": 2"#, #""enc_map_size": 0"#),
            (#""enc_map_size": 2"#, #""enc_map_size": 9000000000000000000"#), (#""n_latent": 4"#, #""n_latent": 0"#),
            (#""n_latent": 4"#, #""n_latent": 5"#), (#""latent_dim": 2"#, #""latent_dim": -2"#),
            (#""nft""#, #""transformer""#),
        ])
    func badEncodersAreRefused(setting: String, value: String) throws {
        try build(Self.encoder)
        let damaged = Self.encoder.replacing(setting, with: value)
        #expect(damaged != Self.encoder)
        #expect(throws: (any Error).self) { try build(damaged) }
    }

    @Test("settings of a propagated embedding are refused without one, and places that form no square")
    func badEmbeddingsAreRefused() throws {
        let propagated = Self.encoder.replacing("{\"block", with: #"{"lift": "propagated", "lift_width": 9, "block"#)
        let places = propagated.replacing("{\"lift\"", with: #"{"lift_start": "places", "lift""#)
        let reading = #""latent_dim": 2, "reads_outputs": true"#
        try build(places.replacing(#""latent_dim": 2"#, with: reading))
        #expect(throws: SettingError.self) { try build(places.replacing("9", with: "8")) }
        try build(propagated.replacing("propagated", with: "neurons"))
        try build(places.replacing("propagated", with: "neurons"))
        #expect(throws: SettingError.self) { try build(Self.encoder.replacing(#""latent_dim": 2"#, with: reading)) }
        #expect(throws: ModelError(#""lift_start": "places" is for sine networks of two inputs"#)) {
            try build(places, sizes: [3, 4, 1])
        }
    }

    @Test("a gated feed-forward part is for NFT blocks, which have one")
    func gatedFeedForward() throws {
        let gated = Self.encoder.replacing(#""num_heads""#, with: #""ff_activation": "geglu", "num_heads""#)
        try build(gated)
        #expect(throws: SettingError.self) { try build(gated.replacing("geglu", with: "swiglu")) }
        #expect(throws: SettingError.self) { try build(gated.replacing(#""nft""#, with: #""np""#)) }
    }

    @Test("a feed-forward part has one factor for all arrays, or one for each")
    func feedForwardFactors() throws {
        func encoder(_ factor: String) -> String {
            Self.encoder.replacing(#""num_heads""#, with: #""ff_factor": \#(factor), "num_heads""#)
        }
        try build(encoder("3"))
        try build(encoder("[3]"))
        try build(encoder("[1, 1, 3, 2]"))
        for refused in ["[]", "[1, 0, 1, 1]", "1.5", #""1""#] {
            #expect(throws: SettingError.self) { try build(encoder(refused)) }
        }
        let message = #""ff_factor": expected one number, or 4, one for each array of the network, received 3"#
        #expect(throws: ModelError(message)) { try build(encoder("[1, 1, 3]")) }
    }

    @Test("networks that an Inr2Array cannot read or draw are refused")
    func badNetworksAreRefused() {
        #expect(throws: ModelError("the encoder reads fully connected networks only")) {
            try build(Self.encoder, kernels: [[3, 3], []])
        }
        #expect(throws: ModelError("an INR [3, 4, 1] does not draw a picture of 1 channels")) {
            try build(Self.encoder, sizes: [3, 4, 1])
        }
        #expect(throws: ModelError("an INR [2, 4, 1] does not draw a picture of 3 channels")) {
            try build(Self.encoder, channels: 3)
        }
        #expect(throws: ModelError("HNP layers need networks of at least two layers")) {
            try build(Self.encoder.replacing("nft", with: "hnp_residual"), sizes: [2, 1])
        }
    }

    @Test("other models refuse the same", arguments: ["HNP", "NP"])
    func otherModels(mode: String) throws {
        let one = NetworkSpec(sizes: [2, 1])
        let parameters = ParameterReader(drawing: 1).root
        if mode == "HNP" {
            #expect(throws: ModelError.self) {
                try InvariantNFN(parameters, InvariantNFNConfiguration(try settings(#"{"hchannels": [2]}"#)), spec: one)
            }
            #expect(throws: ModelError.self) {
                try TransferNet(
                    parameters,
                    TransferNetConfiguration(
                        try settings(#"{"mode": "HNP", "hidden_chan": 2, "hidden_layers": 1}"#)), spec: one)
            }
        } else {
            _ = try InvariantNFN(
                parameters, InvariantNFNConfiguration(try settings(#"{"mode": "NP", "hchannels": [2]}"#)), spec: one)
        }
        for damaged in [#"{"hchannels": [0]}"#, #"{"hchannels": [2], "num_out": 0}"#, #"{}"#] {
            #expect(throws: SettingError.self) { try InvariantNFNConfiguration(try settings(damaged)) }
        }
        #expect(throws: SettingError.self) { try StatNetConfiguration(try settings(#"{"h_size": 0}"#)) }
        #expect(throws: SettingError.self) { try SinusoidalSettings(try settings(#"{"num_bands": 0}"#)) }
    }
}
