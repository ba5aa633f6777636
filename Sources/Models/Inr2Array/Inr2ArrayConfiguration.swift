/// Settings of an `Inr2Array`, under the member names of the authors' configuration files.
package struct Inr2ArrayConfiguration: Sendable {
    /// Kinds of the encoder's blocks.
    package enum BlockType: String, CaseIterable, Sendable {
        /// `NFTBlock`.
        case nft
        /// ReLU(`NPLinear`).
        case np
        /// `LinearResidualBlock` with `NPLinear`.
        case npResidual = "np_residual"
        /// `LinearResidualBlock` with `HNPLinear`.
        case hnpResidual = "hnp_residual"
    }

    /// How raw weights become tokens of 2 · `mappingSize` channels.
    package enum InputEmbedding: String, CaseIterable, Sendable {
        /// `GaussianFourierFeatures` of the weight alone, as published.
        case fourier
        /// `PropagatedEmbedding`: the weight and features of its neurons.
        case propagated
    }

    /// Settings of the `PerceiverPool`: the section `pool_cls`.
    package struct Pool: Sendable {
        /// `n_latent`.
        package let latentCount: Int
        /// `latent_dim`: channels of a latent.
        package let latentWidth: Int
        /// `self_per_cross_attn`, by default 0: self-attention layers after the cross-attention.
        package let selfAttentionLayers: Int

        init(_ settings: Settings) throws(SettingError) {
            latentCount = try settings.int("n_latent", in: SettingBounds.extent)
            latentWidth = try settings.int("latent_dim", in: SettingBounds.extent)
            selfAttentionLayers = try settings.int("self_per_cross_attn", in: SettingBounds.depth, default: 0)
        }
    }

    /// `block_type`.
    package let blockType: BlockType
    /// `lift`, by default `fourier`.
    package let inputEmbedding: InputEmbedding
    /// `lift_width`: channels of the features that a propagated embedding carries to each neuron, in either direction;
    /// nil for as many as a token has.
    package let embeddingWidth: Int?
    /// `num_blocks`.
    package let blockCount: Int
    /// `enc_map_size`: Fourier frequencies; tokens have twice as many channels.
    package let mappingSize: Int
    /// `enc_scale`, by default 3: standard deviation of the Fourier frequencies, or of the first weights of a
    /// propagated embedding, in a new model. A trained model has them stored.
    package let frequencyScale: Float
    /// `num_heads`, by default 4: attention heads of an `NFTBlock`.
    package let heads: Int
    /// `ff_factor`, by default 4: hidden channels of an `NFTBlock`'s feed-forward part for each channel.
    package let expansion: Int
    /// `spatial`, by default true: whether the result is the whole latent array; otherwise it is the mean of its
    /// latents.
    package let isSpatial: Bool
    /// `pool_cls`.
    package let pool: Pool
    /// `dec_type`, `dec_hidden_size`, `dec_hidden_layers` and `additive`.
    package let decoder: InrDecoder.Configuration
    /// `decoder_trained`, by default true. False for a file whose decoder was never trained: the model then does not
    /// offer reconstruction.
    package let isDecoderTrained: Bool

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
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
