import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// Settings of an `InvariantNFT`.
package struct InvariantNFTConfiguration: Sendable {
    /// `mapping_size`: frequencies of `GaussianFourierFeatures`; tokens have twice as many channels.
    package let mappingSize: Int
    /// `enc_scale`, by default 3: standard deviation of the frequencies in a new model.
    package let frequencyScale: Float
    /// `num_blocks`.
    package let blockCount: Int
    /// `num_heads`: attention heads.
    package let heads: Int
    /// `ff_factor`, by default 2: hidden channels of a block's feed-forward part for each channel.
    package let expansion: Int
    /// `pool_mode`, by default `HNP`.
    package let pool: InvariantNFNConfiguration.Pool
    /// `h_size`: width of the head's two hidden layers.
    package let headSize: Int
    /// `num_out`, by default 1: classes or scalars.
    package let outputs: Int
    /// `sigmoid`, by default false: whether outputs are mapped to 0…1.
    package let endsInSigmoid: Bool

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        mappingSize = try settings.int("mapping_size", in: SettingBounds.extent)
        frequencyScale = Float(try settings.number("enc_scale", in: -1e6...1e6, default: 3))
        blockCount = try settings.int("num_blocks", in: SettingBounds.depth)
        heads = try settings.int("num_heads", in: SettingBounds.extent)
        expansion = try settings.int("ff_factor", in: 1...64, default: 2)
        pool = try settings.choice("pool_mode", default: .hnp)
        headSize = try settings.int("h_size", in: SettingBounds.extent)
        outputs = try settings.int("num_out", in: SettingBounds.extent, default: 1)
        endsInSigmoid = try settings.bool("sigmoid", default: false)
    }
}

extension InvariantNFTConfiguration {
    /// What the parameters reveal: all but `num_heads`, `sigmoid` and `enc_scale`.
    static func revealed(_ file: ParameterShapes, _ spec: NetworkSpec) -> [JSONMember] {
        let encoder = file.scope("encoder")
        let head = file.scope("head")
        let mappingSize = encoder.extent("0._B", 1)
        let pooled = head.extent("0.weight", 1)
        let pool = mappingSize.flatMap { size in
            [InvariantNFNConfiguration.Pool.hnp, .np].first { pool in
                (pool == .np || spec.depth > 1) && pool.layer.pieces(spec) * 2 * size == pooled
            }
        }
        let hidden = encoder.extent("2.ff.0.bias_maps.0.weight", 0)
        return members(
            ("mapping_size", .count(mappingSize)),
            ("num_blocks", encoder.indices.isEmpty ? nil : .count(encoder.indices.count - 2)),
            ("ff_factor", .count(hidden.flatMap { hidden in mappingSize.map { hidden / (2 * $0) } })),
            ("pool_mode", .text(pool?.rawValue)), ("h_size", .count(head.extent("0.weight", 0))),
            ("num_out", .count(head.extent("4.weight", 0))))
    }
}

/// Transformer blocks over weights, a permutation-invariant pool and an MLP (the neural functional transformer of Zhou et
/// al., arXiv 2305.13546, as a classifier or predictor). It reads convolutions too: every array has its own maps to
/// queries, keys and values.
///
///     head(pool(block(… block(positions(fourier(weights))) …)))
package struct InvariantNFT: InvariantModel {
    package static let type = "InvariantNFT"

    /// The settings that it was built from.
    package let configuration: InvariantNFTConfiguration
    private let embedding: GaussianFourierFeatures
    private let positions: LearnedPosEmbedding
    private let blocks: [NFTBlock]
    private let head: [AffineMap]
    package let classifies: Bool
    package var outputCount: Int { configuration.outputs }

    /// Reads `encoder.0._B`, `encoder.1.…` (`LearnedPosEmbedding`), `encoder.2.…` and following (`NFTBlock`), and
    /// `head.0`, `head.2` and `head.4`.
    /// - Parameter classifies: whether the outputs are logits of classes; otherwise they are scalars.
    /// - Throws: `ModelError` where the channels do not divide into the heads.
    package init(
        _ parameters: ParameterScope, _ configuration: InvariantNFTConfiguration, spec: NetworkSpec,
        classifies: Bool = false
    ) throws(ModelError) {
        let channels = 2 * configuration.mappingSize
        guard channels % configuration.heads == 0 else {
            throw ModelError(
                "num_heads: the \(channels) channels of a token do not divide into \(configuration.heads) heads")
        }
        self.configuration = configuration
        self.classifies = classifies
        let encoder = parameters.scope("encoder")
        embedding = GaussianFourierFeatures(
            encoder.scope(0), inputs: 1, count: configuration.mappingSize, scale: configuration.frequencyScale)
        positions = LearnedPosEmbedding(encoder.scope(1), spec, channels: channels)
        blocks = (0..<configuration.blockCount).map { index in
            NFTBlock(
                encoder.scope(2 + index), spec, channels: channels, heads: configuration.heads,
                expansions: [configuration.expansion], sharesProjections: false)
        }
        let pooled = channels * configuration.pool.layer.pieces(spec)
        let sizes = [pooled, configuration.headSize, configuration.headSize, configuration.outputs]
        head = (0..<3).map { index in
            parameters.scope("head").scope(2 * index).affine(inputs: sizes[index], outputs: sizes[index + 1])
        }
    }

    /// Members of the node: `file` and those of `InvariantNFTConfiguration`. Outputs are logits of classes if there are
    /// labels.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        self = try assembly.module(
            settings, revealing: { InvariantNFTConfiguration.revealed($0, assembly.input.spec) }
        ) { parameters in
            let configuration = try InvariantNFTConfiguration(settings)
            if assembly.labels.isEmpty { try settings.demand("sigmoid", StatNet.sigmoidHint) }
            try settings.demand("num_heads", "write the number of attention heads that it was trained with, such as 4")
            return try InvariantNFT(
                parameters, configuration, spec: assembly.input.spec, classifies: !assembly.labels.isEmpty)
        }
    }

    /// *Shapes:* single-channel features → (batch, `outputCount`); `mix` acts on the pooled rows before the head.
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: (Matrix) -> Matrix = { $0 }, in builder: PlanBuilder
    ) -> Matrix {
        var y = positions(embedding(x, in: builder), in: builder)
        for block in blocks { y = block(y, in: builder) }
        let pooled = configuration.pool.layer(y, in: builder)
        return builder.mlp(head, on: mix(pooled), endsInSigmoid: configuration.endsInSigmoid)
    }
}
