import Engine
import Networks
import NeuralFunctionals
import Tensors
import WeightFormats

/// Settings of a `WeightSpaceEncoder`, under the member names of the authors' configuration files.
package struct WeightSpaceEncoderConfiguration: Sendable {
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

    /// Where the features of a new `PropagatedEmbedding` begin.
    package enum EmbeddingStart: String, CaseIterable, Sendable {
        /// With random maps.
        case random
        /// As the values of the network at a square grid of places; where nothing is carried, those of its first layer.
        case places
        /// As what the first layer's neurons compute at places, which the blocks begin by carrying to the outputs
        /// (`PropagationStart`).
        case propagation
    }

    /// How raw weights become tokens of 2 · `mappingSize` channels.
    package enum InputEmbedding: String, CaseIterable, Sendable {
        /// `GaussianFourierFeatures` of the weight alone, as published.
        case fourier
        /// `PropagatedEmbedding`: the weight and features of its neurons.
        case propagated
        /// `PropagatedEmbedding` that carries nothing: the weight and Fourier features of what its neurons have alone.
        case neurons
    }

    /// `block_type`.
    package let blockType: BlockType
    /// `lift`, by default `fourier`.
    package let inputEmbedding: InputEmbedding
    /// `lift_width`: channels of the features that a propagated embedding carries to each neuron, in either direction;
    /// nil for as many as a token has.
    package let embeddingWidth: Int?
    /// `lift_start`, by default `random`: of a `PropagatedEmbedding` in a new model.
    package let embeddingStart: EmbeddingStart
    /// `num_blocks`.
    package let blockCount: Int
    /// `enc_map_size`: Fourier frequencies; tokens have twice as many channels.
    package let mappingSize: Int
    /// `enc_scale`, by default 3: standard deviation of the Fourier frequencies, or of the first weights of a
    /// propagated embedding that begins at random, in a new model. A trained model has them stored.
    package let frequencyScale: Float
    /// `num_heads`: attention heads of an `NFTBlock`.
    package let heads: Int
    /// `ff_factor`, by default 4: hidden channels of an `NFTBlock`'s feed-forward part for each channel; one number for all
    /// arrays, or one for each array, w0, b0, w1, …
    package let expansions: [Int]
    /// `ff_activation`, by default `gelu`: of an `NFTBlock`'s feed-forward part.
    package let activation: NFTBlock.FeedForwardActivation

    /// Channels of a token.
    package var channels: Int { 2 * mappingSize }
    /// Channels of the features that a propagated embedding carries, in either direction.
    package var carriedChannels: Int { embeddingWidth ?? channels }

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        blockType = try settings.choice("block_type")
        inputEmbedding = try settings.choice("lift", default: .fourier)
        embeddingWidth = try settings.optionalInt("lift_width", in: SettingBounds.extent)
        embeddingStart = try settings.choice("lift_start", default: .random)
        blockCount = try settings.int("num_blocks", in: SettingBounds.depth)
        mappingSize = try settings.int("enc_map_size", in: SettingBounds.extent)
        frequencyScale = Float(try settings.number("enc_scale", in: -1e6...1e6, default: 3))
        heads = try settings.int("num_heads", in: SettingBounds.extent, default: 4)
        expansions = try settings.intOrInts("ff_factor", in: 1...64, default: 4)
        activation = try settings.choice("ff_activation", default: .gelu)
        guard blockType == .nft || activation == .gelu else {
            throw settings.error("ff_activation", "\"geglu\" is for \"block_type\": \"nft\" only")
        }
        if embeddingStart == .propagation {
            let grid = PropagationStart.grid(carriedChannels)
            guard blockType == .nft, activation == .geglu, blockCount == 2, inputEmbedding == .neurons else {
                throw settings.error(
                    "lift_start",
                    "\"propagation\" is for \"lift\": \"neurons\" and two blocks of \"block_type\": \"nft\", \"ff_activation\": \"geglu\""
                )
            }
            guard grid != nil, carriedChannels + PropagationStart.reserved <= channels else {
                throw settings.error(
                    "lift_width",
                    "expected a square number or one like 56 = 8 · 7, at most 2 · enc_map_size − \(PropagationStart.reserved) = \(channels - PropagationStart.reserved), for \"lift_start\": \"propagation\""
                )
            }
        }
        guard embeddingStart != .places || carriedChannels.squareSide != nil else {
            throw settings.error("lift_width", "expected a square number, such as 256, for \"lift_start\": \"places\"")
        }
    }

    /// Demands what parameters do not reveal, and refuses what would have no effect.
    func demandHidden(_ settings: Settings) throws(SettingError) {
        if blockType == .nft {
            try settings.demand("num_heads", "write the number of attention heads that it was trained with, such as 4")
        }
        if inputEmbedding == .fourier {
            for name in ["lift_width", "lift_start"] {
                try settings.refuse(name, "it is not for \"lift\": \"fourier\"")
            }
        }
    }
}

extension WeightSpaceEncoderConfiguration {
    /// What the parameters reveal, all but `num_heads`, and `enc_scale` and `lift_start`, which are for new models.
    /// - Parameters:
    ///   - encoder: the parameters of the encoder.
    ///   - blockCount: the number of blocks.
    static func revealed(_ encoder: ParameterShapes, blockCount: Int?) -> [JSONMember] {
        let first = encoder.scope(0)
        let channels = encoder.extent("1.inp_emb.weight", 1)
        let block = encoder.scope(2)
        let type: BlockType? =
            if block.scope("attn").isPresent {
                .nft
            } else if block.scope("base_layer").isPresent {
                block["base_layer.w0_rpt.weight"] != nil ? .hnpResidual : .npResidual
            } else {
                block["0.layer_0.weight"] != nil ? .np : nil
            }
        let hasNeurons = first["forward.0.weight"] != nil
        // Maps of further layers read biases alone where nothing is carried.
        let carries = first.extent("forward.1.weight", 1) != 1
        let hidden = block.extent("ff.2.weight_maps.0.weight", 1)
        let isGated = hidden.map { block.extent("ff.0.weight_maps.0.weight", 0) == 2 * $0 }
        let contract = block.scope("ff").scope(2)
        let widths = contract.scope("weight_maps").indices.flatMap { layer in
            ["weight_maps", "bias_maps"].map { contract.extent("\($0).\(layer).weight", 1) }
        }
        let factors = channels.map { channels in widths.compactMap { $0.map { $0 / channels } } } ?? []
        return members(
            ("block_type", .text(type?.rawValue)),
            ("lift", .text(hasNeurons ? (carries ? "propagated" : "neurons") : first["_B"] == nil ? nil : "fourier")),
            ("lift_width", hasNeurons ? .count(first.extent("forward.0.weight", 0)) : nil),
            ("num_blocks", .count(blockCount)),
            ("enc_map_size", .count(first.extent("_B", 1) ?? channels.map { $0 / 2 })),
            ("ff_factor", Set(factors).count > 1 ? .counts(factors) : .count(factors.first)),
            ("ff_activation", .text(isGated == true ? NFTBlock.FeedForwardActivation.geglu.rawValue : nil)))
    }
}

/// The equivariant encoder of an INR's weights: input embedding → learned position embedding → equivariant blocks (Zhou
/// et al., arXiv 2305.13546, §4). It reads networks of any hidden widths; their depth, inputs and outputs must be those
/// of its `NetworkSpec`.
struct WeightSpaceEncoder: Sendable {
    private let inputEmbedding: Embedding
    private let positions: LearnedPosEmbedding
    private let blocks: [any WeightSpaceLayer]

    private enum Embedding: Sendable {
        case fourier(GaussianFourierFeatures)
        case propagated(PropagatedEmbedding)
    }

    /// Reads `0` (embedding), `1` (positions), `2` and following (blocks).
    /// - Parameter transform: of the weights that it reads, on which a start at places depends.
    /// - Throws: `ModelError` where the settings do not fit each other or `spec`: kernels, channels that do not divide
    ///   into heads, HNP blocks for a single layer.
    init(
        _ parameters: ParameterScope, _ configuration: WeightSpaceEncoderConfiguration, spec: NetworkSpec,
        transform: InputTransform = InputTransform()
    ) throws(ModelError) {
        let channels = configuration.channels
        guard spec.isFullyConnected else { throw ModelError("the encoder reads fully connected networks only") }
        guard configuration.blockType != .nft || channels % configuration.heads == 0 else {
            throw ModelError("\(channels) channels do not divide into \(configuration.heads) heads")
        }
        guard configuration.expansions.count == 1 || configuration.expansions.count == 2 * spec.depth else {
            throw ModelError(
                "\"ff_factor\": expected one number, or \(2 * spec.depth), one for each array of the network, received \(configuration.expansions.count)"
            )
        }
        guard configuration.blockType != .hnpResidual || spec.depth > 1 else {
            throw ModelError("HNP layers need networks of at least two layers")
        }
        let scale = configuration.frequencyScale
        let start: PropagatedEmbedding.Start
        switch configuration.embeddingStart {
        case .random, .propagation: start = .random(scale: scale)
        case .places:
            guard spec.inputs == 2, transform.activation == .sine else {
                throw ModelError("\"lift_start\": \"places\" is for sine networks of two inputs")
            }
            start = .places(phaseFactors: transform.phaseFactors(depth: spec.depth))
        }
        inputEmbedding =
            switch configuration.inputEmbedding {
            case .fourier:
                .fourier(
                    GaussianFourierFeatures(
                        parameters.scope(0), inputs: 1, count: configuration.mappingSize, scale: scale))
            case .propagated, .neurons:
                .propagated(
                    PropagatedEmbedding(
                        parameters.scope(0), spec, channels: channels,
                        width: configuration.carriedChannels, start: start,
                        carriesFeatures: configuration.inputEmbedding == .propagated))
            }
        positions = LearnedPosEmbedding(parameters.scope(1), spec, channels: channels)
        blocks = (0..<configuration.blockCount).map { index in
            let scope = parameters.scope(2 + index)
            return switch configuration.blockType {
            case .nft:
                NFTBlock(
                    scope, spec, channels: channels, heads: configuration.heads, expansions: configuration.expansions,
                    activation: configuration.activation)
            case .np: ActivatedLinear(NPLinear(scope.scope(0), spec, inputs: channels, outputs: channels))
            case .npResidual: LinearResidualBlock(scope, spec, channels: channels, isHiddenOnly: false)
            case .hnpResidual: LinearResidualBlock(scope, spec, channels: channels, isHiddenOnly: true)
            }
        }
        if configuration.embeddingStart == .propagation {
            try PropagationStart(configuration, spec, transform).apply(to: parameters)
        }
    }

    /// *Shapes:* single-channel features → tokens of `configuration.channels` channels.
    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        encode(x, in: builder).tokens
    }

    /// *Shapes:* single-channel features → tokens of `configuration.channels` channels, and of a propagated embedding the
    /// features of the networks' outputs before the blocks, (batch, outputs·width).
    func encode(
        _ x: WeightSpaceFeatures, in builder: PlanBuilder
    ) -> (tokens: WeightSpaceFeatures, outputs: Matrix?) {
        let embedded: (tokens: WeightSpaceFeatures, outputs: Matrix?) =
            switch inputEmbedding {
            case .fourier(let features): (features(x, in: builder), nil)
            case .propagated(let embedding): embedding.embed(x, in: builder)
            }
        let tokens = blocks.reduce(positions(embedded.tokens, in: builder)) { $1($0, in: builder) }
        return (tokens, embedded.outputs)
    }
}

/// ReLU(linear(x)): the block of the plain NFN encoder (`np`).
private struct ActivatedLinear: WeightSpaceLayer {
    let linear: NPLinear

    init(_ linear: NPLinear) { self.linear = linear }

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = linear(x, in: builder)
        builder.activate(y, .relu)
        return y
    }
}
