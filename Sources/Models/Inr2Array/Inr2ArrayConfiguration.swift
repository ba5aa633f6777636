import WeightFormats

/// Settings of an `Inr2Array`, under the member names of the authors' configuration files.
package struct Inr2ArrayConfiguration: Sendable {
    /// Settings of the `PerceiverPool`: the section `pool_cls`.
    package struct Pool: Sendable {
        /// `n_latent`.
        package let latentCount: Int
        /// `latent_dim`: channels of a latent.
        package let latentWidth: Int
        /// `self_per_cross_attn`, by default 0: self-attention layers after the cross-attention.
        package let selfAttentionLayers: Int
        /// `reads_outputs`, by default false: whether the initial latents also depend on the features that a propagated
        /// embedding carries to the network's outputs.
        package let readsOutputs: Bool
        /// `reads_means`, by default false: whether they also depend on the means of each array's tokens after the blocks.
        package let readsMeans: Bool
        /// `start_cells`: of a new encoder whose lift begins as values at places, rows and columns of the pixels that each
        /// latent begins with (`LatentGridStart`); nil for latents that begin at random.
        package let startCells: Int?

        init(_ settings: Settings) throws(SettingError) {
            latentCount = try settings.int("n_latent", in: SettingBounds.extent)
            latentWidth = try settings.int("latent_dim", in: SettingBounds.extent)
            selfAttentionLayers = try settings.int("self_per_cross_attn", in: SettingBounds.depth, default: 0)
            readsOutputs = try settings.bool("reads_outputs", default: false)
            readsMeans = try settings.bool("reads_means", default: false)
            startCells = try settings.optionalInt("start_cells", in: SettingBounds.kernel)
        }
    }

    /// `block_type`, `lift`, `num_blocks`, `enc_map_size` and what belongs to them.
    package let encoder: WeightSpaceEncoderConfiguration
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
        encoder = try WeightSpaceEncoderConfiguration(settings)
        isSpatial = try settings.bool("spatial", default: true)
        let section = try settings.section("pool_cls")
        pool = try Pool(section)
        guard !pool.readsOutputs || encoder.inputEmbedding == .propagated else {
            throw section.error("reads_outputs", "it is for \"lift\": \"propagated\" only")
        }
        guard pool.startCells == nil || (pool.readsOutputs && encoder.embeddingStart == .places && isSpatial) else {
            throw section.error(
                "start_cells",
                "it is for \"reads_outputs\": true and \"spatial\": true with \"lift_start\": \"places\"; write null for others"
            )
        }
        decoder = try InrDecoder.Configuration(settings)
        isDecoderTrained = try settings.bool("decoder_trained", default: true)
    }
}

extension Inr2ArrayConfiguration {
    /// What the parameters reveal: all but `num_heads` and `spatial`, and `decoder_trained`, `enc_scale`, `lift_start` and
    /// `start_cells`, which say nothing of a trained encoder.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let encoder = file.scope("encoder")
        let pool = encoder.indices.last { encoder.scope($0)["net.1.latents"] != nil }
        let latents = pool.map { encoder.scope($0).scope("net").scope(1) }
        let hyperNetworks = file.scope("decoder").scope(0)
        let isSimple = hyperNetworks.scope("hnet").isPresent
        let mlp = isSimple ? hyperNetworks.scope("hnet") : hyperNetworks.scope("hnets").scope(0)
        let maps = mlp.indices.count
        return WeightSpaceEncoderConfiguration.revealed(encoder, blockCount: pool.map { $0 - 2 })
            + members(
                (
                    "pool_cls",
                    latents.map { pool in
                        .object(
                            members(
                                ("n_latent", .count(pool.extent("latents", 0))),
                                ("latent_dim", .count(pool.extent("latents", 1))),
                                ("self_per_cross_attn", .count(pool.scope("self_attns").scope(0).indices.count)),
                                ("reads_outputs", .bool(pool["outputs.weight"] != nil)),
                                ("reads_means", .bool(pool["means.weight"] != nil))))
                    }
                ),
                ("dec_type", maps > 0 ? .string(isSimple ? "simple" : "sitzmann") : nil),
                ("dec_hidden_size", maps > 1 ? .count(mlp.extent("0.weight", 0)) : nil),
                ("dec_hidden_layers", maps > 0 ? .count(maps - (isSimple ? 1 : 2)) : nil),
                ("additive", .bool(file.scope("init_params").isPresent)))
    }
}
