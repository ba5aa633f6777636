import Engine
import Networks

/// Settings of an Inr2Array, under the names of the authors' configuration files.
package struct Inr2ArrayConfiguration: Decodable, Sendable {
    package enum BlockType: String, Decodable, Sendable {
        case nft
        case np
        case npResidual = "np_residual"
        case hnpResidual = "hnp_residual"
    }

    /// What tokens are made of.
    package enum Lift: String, Decodable, Sendable {
        /// Fourier features of every weight by itself, as the authors have it.
        case fourier
        /// A weight together with what the network's weights carry to its neurons.
        case propagated
    }

    package struct Pool: Decodable, Sendable {
        package let latentCount: Int
        package let latentWidth: Int
        package let selfAttentionLayers: Int

        enum CodingKeys: String, CodingKey, CaseIterable {
            case latentCount = "n_latent"
            case latentWidth = "latent_dim"
            case selfAttentionLayers = "self_per_cross_attn"
        }

        static var memberNames: [String] { CodingKeys.allCases.map(\.rawValue) }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            latentCount = try values.decode(.latentCount, in: SettingBounds.extent)
            latentWidth = try values.decode(.latentWidth, in: SettingBounds.extent)
            selfAttentionLayers = try values.decodeIfPresent(.selfAttentionLayers, in: SettingBounds.depth) ?? 0
        }
    }

    package let blockType: BlockType
    package let lift: Lift
    /// Features that a propagated lift carries to each neuron, either way; as many as there are channels without it.
    package let liftWidth: Int?
    package let blockCount: Int
    package let mappingSize: Int
    /// Spread of the Fourier frequencies where they are drawn anew; a trained model stores them.
    package let frequencyScale: Float
    package let heads: Int
    package let expansion: Int
    package let isSpatial: Bool
    package let pool: Pool
    package let decoder: InrDecoder.Configuration
    /// False where the file carries a decoder that was never trained: then nothing is reconstructed.
    package let isDecoderTrained: Bool

    enum CodingKeys: String, CodingKey, CaseIterable {
        case blockType = "block_type"
        case lift
        case liftWidth = "lift_width"
        case blockCount = "num_blocks"
        case mappingSize = "enc_map_size"
        case frequencyScale = "enc_scale"
        case heads = "num_heads"
        case expansion = "ff_factor"
        case isSpatial = "spatial"
        case pool = "pool_cls"
        case isDecoderTrained = "decoder_trained"
    }

    private static var memberNames: [String] {
        CodingKeys.allCases.map(\.rawValue) + InrDecoder.Configuration.memberNames
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        blockType = try values.decode(BlockType.self, forKey: .blockType)
        lift = try values.decodeIfPresent(Lift.self, forKey: .lift) ?? .fourier
        liftWidth = try values.decodeIfPresent(.liftWidth, in: SettingBounds.extent)
        blockCount = try values.decode(.blockCount, in: SettingBounds.depth)
        mappingSize = try values.decode(.mappingSize, in: SettingBounds.extent)
        frequencyScale = try values.decodeIfPresent(Float.self, forKey: .frequencyScale) ?? 3
        heads = try values.decodeIfPresent(.heads, in: SettingBounds.extent) ?? 4
        expansion = try values.decodeIfPresent(.expansion, in: 1...64) ?? 4
        isSpatial = try values.decodeIfPresent(Bool.self, forKey: .isSpatial) ?? true
        pool = try values.decode(Pool.self, forKey: .pool)
        self.decoder = try InrDecoder.Configuration(from: decoder)
        isDecoderTrained = try values.decodeIfPresent(Bool.self, forKey: .isDecoderTrained) ?? true
    }

    /// Throws for members, nested ones included, that no setting has.
    package static func refuseUnknownMembers(of decoder: any Decoder, besides others: [String]) throws {
        try NeuralFunctionals.refuseUnknownMembers(of: decoder, known: memberNames + others)
        try decoder.container(keyedBy: CodingKeys.self).refuseUnknownMembers(in: .pool, known: Pool.memberNames)
    }
}

/// The autoencoder from an INR's weights to a latent array and back to small INRs (Zhou et al., arXiv 2305.13546, §4).
///
/// The encoder reads any hidden width; depth, inputs and outputs are those it was built for.
package struct Inr2Array: Sendable {
    package let configuration: Inr2ArrayConfiguration
    package let spec: NetworkSpec
    package let decoder: InrDecoder
    private let lift: any WeightSpaceLayer
    private let embedding: LearnedPosEmbedding
    private let blocks: [any WeightSpaceLayer]
    private let pool: PerceiverPool

    package init(
        _ parameters: ParameterScope, _ configuration: Inr2ArrayConfiguration, spec: NetworkSpec, image: ImageShape
    ) throws(ModelError) {
        let channels = 2 * configuration.mappingSize
        guard spec.isFullyConnected else { throw ModelError("Inr2Array reads fully connected networks only") }
        guard configuration.blockType != .nft || channels % configuration.heads == 0 else {
            throw ModelError("\(channels) channels do not divide into \(configuration.heads) heads")
        }
        guard configuration.blockType != .hnpResidual || spec.depth > 1 else {
            throw ModelError("HNP layers need networks of at least two layers")
        }
        self.configuration = configuration
        self.spec = spec
        let encoder = parameters.scope("encoder")
        let scale = configuration.frequencyScale
        lift =
            switch configuration.lift {
            case .fourier:
                GaussianFourierFeatures(encoder.scope(0), inputs: 1, count: configuration.mappingSize, scale: scale)
            case .propagated:
                PropagatedEmbedding(
                    encoder.scope(0), spec, channels: channels, width: configuration.liftWidth ?? channels, scale: scale
                )
            }
        embedding = LearnedPosEmbedding(encoder.scope(1), spec, channels: channels)
        blocks = (0..<configuration.blockCount).map { index in
            let scope = encoder.scope(2 + index)
            return switch configuration.blockType {
            case .nft:
                NFTBlock(
                    scope, spec, channels: channels, heads: configuration.heads, expansion: configuration.expansion)
            case .np: ActivatedLinear(NPLinear(scope.scope(0), spec, inputs: channels, outputs: channels))
            case .npResidual: LinearResidualBlock(scope, spec, channels: channels, isHiddenOnly: false)
            case .hnpResidual: LinearResidualBlock(scope, spec, channels: channels, isHiddenOnly: true)
            }
        }
        pool = PerceiverPool(
            encoder.scope(2 + configuration.blockCount).scope("net").scope(1), channels: channels,
            latents: configuration.pool.latentCount, width: configuration.pool.latentWidth,
            selfAttentionLayers: configuration.pool.selfAttentionLayers)
        decoder = try InrDecoder(
            parameters, configuration.decoder, spec: spec, image: image,
            latents: configuration.isSpatial ? configuration.pool.latentCount : 1,
            latentWidth: configuration.pool.latentWidth)
    }

    /// Latents a network: the array's length, or 1 where the model averages it.
    package var latentCount: Int { configuration.isSpatial ? pool.latentCount : 1 }
    package var latentWidth: Int { pool.latentWidth }

    /// *Shapes:* single-channel features of `batch` networks → (batch·latents, width).
    package func encode(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        var y = embedding(lift(x, in: builder), in: builder)
        for block in blocks { y = block(y, in: builder) }
        let latents = pool(y.flattened(in: builder), batch: x.batch, in: builder)
        guard !configuration.isSpatial else { return latents }
        let mean = builder.matrix(rows: x.batch, columns: latents.columns)
        builder.mean(latents, Axes(outer: x.batch, middle: pool.latentCount), into: mean)
        return mean
    }
}

/// relu(linear(x)): the plain NFN encoder's block.
private struct ActivatedLinear: WeightSpaceLayer {
    let linear: NPLinear

    init(_ linear: NPLinear) { self.linear = linear }

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = linear(x, in: builder)
        builder.activate(y, .relu)
        return y
    }
}
