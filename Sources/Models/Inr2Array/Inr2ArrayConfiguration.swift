/// Settings of an Inr2Array, under the names of the authors' configuration files.
package struct Inr2ArrayConfiguration: Sendable {
    package enum BlockType: String, CaseIterable, Sendable {
        case nft
        case np
        case npResidual = "np_residual"
        case hnpResidual = "hnp_residual"
    }

    /// What the channels of a weight's token are computed from.
    package enum InputEmbedding: String, CaseIterable, Sendable {
        /// Fourier features of the weight alone, as the authors have it.
        case fourier
        /// The weight together with features that the network's weights propagate to its neurons.
        case propagated
    }

    package struct Pool: Sendable {
        package let latentCount: Int
        package let latentWidth: Int
        package let selfAttentionLayers: Int

        init(_ settings: Settings) throws(SettingError) {
            latentCount = try settings.int("n_latent", in: SettingBounds.extent)
            latentWidth = try settings.int("latent_dim", in: SettingBounds.extent)
            selfAttentionLayers = try settings.int("self_per_cross_attn", in: SettingBounds.depth, default: 0)
        }
    }

    package let blockType: BlockType
    package let inputEmbedding: InputEmbedding
    /// Features that a propagated embedding carries to each neuron in either direction; nil for as many as channels.
    package let embeddingWidth: Int?
    package let blockCount: Int
    package let mappingSize: Int
    /// Standard deviation of the Fourier frequencies where they are drawn anew; a trained model stores them.
    package let frequencyScale: Float
    package let heads: Int
    package let expansion: Int
    package let isSpatial: Bool
    package let pool: Pool
    package let decoder: InrDecoder.Configuration
    /// False where the file holds a decoder that was never trained: then nothing is reconstructed.
    package let isDecoderTrained: Bool

    package init(_ settings: Settings) throws(SettingError) {
        blockType = try settings.choice("block_type")
        inputEmbedding = try settings.choice("lift", default: .fourier)
        embeddingWidth = try settings.optionalInt("lift_width", in: SettingBounds.extent)
        blockCount = try settings.int("num_blocks", in: SettingBounds.depth)
        mappingSize = try settings.int("enc_map_size", in: SettingBounds.extent)
        frequencyScale = Float(try settings.number("enc_scale", in: -1e6...1e6, default: 3))
        heads = try settings.int("num_heads", in: SettingBounds.extent, default: 4)
        expansion = try settings.int("ff_factor", in: 1...64, default: 4)
        isSpatial = try settings.bool("spatial", default: true)
        pool = try Pool(try settings.section("pool_cls"))
        decoder = try InrDecoder.Configuration(settings)
        isDecoderTrained = try settings.bool("decoder_trained", default: true)
    }
}
