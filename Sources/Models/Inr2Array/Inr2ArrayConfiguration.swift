import WeightFormats

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
    /// `num_heads`: attention heads of an `NFTBlock`.
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

extension Inr2ArrayConfiguration {
    /// What the parameters reveal: all but `num_heads` and `spatial`, and `decoder_trained` and `enc_scale`, which say
    /// nothing of a trained encoder.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let encoder = file.scope("encoder")
        let first = encoder.scope(0)
        let channels = encoder.extent("1.inp_emb.weight", 1)
        let pool = encoder.indices.last { encoder.scope($0)["net.1.latents"] != nil }
        let block = encoder.scope(2)
        let type: BlockType? =
            if block.scope("attn").isPresent {
                .nft
            } else if block.scope("base_layer").isPresent {
                block["base_layer.w0_rpt.weight"] != nil ? .hnpResidual : .npResidual
            } else {
                block["0.layer_0.weight"] != nil ? .np : nil
            }
        let isPropagated = first["forward.0.weight"] != nil
        let hidden = block.extent("ff.0.weight_maps.0.weight", 0)
        let latents = pool.map { encoder.scope($0).scope("net").scope(1) }
        let hyperNetworks = file.scope("decoder").scope(0)
        let isSimple = hyperNetworks.scope("hnet").isPresent
        let mlp = isSimple ? hyperNetworks.scope("hnet") : hyperNetworks.scope("hnets").scope(0)
        let maps = mlp.indices.count
        return members(
            ("block_type", .text(type?.rawValue)),
            ("lift", .text(isPropagated ? "propagated" : first["_B"] == nil ? nil : "fourier")),
            ("lift_width", isPropagated ? .count(first.extent("forward.0.weight", 0)) : nil),
            ("num_blocks", .count(pool.map { $0 - 2 })),
            ("enc_map_size", .count(first.extent("_B", 1) ?? channels.map { $0 / 2 })),
            ("ff_factor", .count(hidden.flatMap { hidden in channels.map { hidden / $0 } })),
            (
                "pool_cls",
                latents.map { pool in
                    .object(
                        members(
                            ("n_latent", .count(pool.extent("latents", 0))),
                            ("latent_dim", .count(pool.extent("latents", 1))),
                            ("self_per_cross_attn", .count(pool.scope("self_attns").scope(0).indices.count))))
                }
            ),
            ("dec_type", maps > 0 ? .string(isSimple ? "simple" : "sitzmann") : nil),
            ("dec_hidden_size", maps > 1 ? .count(mlp.extent("0.weight", 0)) : nil),
            ("dec_hidden_layers", maps > 0 ? .count(maps - (isSimple ? 1 : 2)) : nil),
            ("additive", .bool(file.scope("init_params").isPresent)))
    }
}
