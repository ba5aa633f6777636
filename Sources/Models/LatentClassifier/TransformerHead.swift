import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// Settings of a `TransformerHead`, under the member names of the authors' configuration files.
package struct TransformerHeadConfiguration: Sendable {
    /// `n_classes`.
    package let classes: Int
    /// `num_blocks`: encoder layers.
    package let blockCount: Int
    /// `d_model`: channels of a token; divisible by `heads`.
    package let width: Int
    /// `heads`: attention heads.
    package let heads: Int
    /// `dim_feedforward`: hidden channels of the feed-forward parts.
    package let feedForwardWidth: Int
    /// `latent_dim`: channels of a latent.
    package let latentWidth: Int
    /// `positions`: rows of the table of position embeddings, and so the most latents that it reads.
    package let positions: Int

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        classes = try settings.int("n_classes", in: SettingBounds.extent)
        blockCount = try settings.int("num_blocks", in: SettingBounds.depth)
        width = try settings.int("d_model", in: SettingBounds.extent)
        heads = try settings.int("heads", in: SettingBounds.extent)
        feedForwardWidth = try settings.int("dim_feedforward", in: SettingBounds.extent)
        latentWidth = try settings.int("latent_dim", in: SettingBounds.extent)
        positions = try settings.int("positions", in: SettingBounds.extent)
    }
}

extension TransformerHeadConfiguration {
    /// What the parameters reveal: all but `heads`.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let layers = file.scope("transformer_encoder").scope("layers")
        return members(
            ("n_classes", .count(file.extent("classifier.2.weight", 0))), ("num_blocks", .count(layers.indices.count)),
            ("d_model", .count(file.extent("proj.weight", 0))), ("latent_dim", .count(file.extent("proj.weight", 1))),
            ("dim_feedforward", .count(layers.extent("0.linear1.weight", 0))),
            ("positions", .count(file.extent("pos.weight", 0))))
    }
}

/// A transformer encoder over latents, with an MLP that maps its first token to class logits. Parameter names are those
/// of `torch.nn.TransformerEncoder` with pre-norm layers (`norm_first`), GELU and no final norm.
package struct TransformerHead: ModelKind, LatentHead {
    package static let type = "TransformerClassifier"

    /// The settings that it was built from.
    package let configuration: TransformerHeadConfiguration
    private let projection: AffineMap
    private let positions: Matrix
    private let layers: [EncoderLayer]
    private let hidden: AffineMap
    private let output: AffineMap

    /// Reads `proj`, `pos.weight`, `transformer_encoder.layers.i` and `classifier`.
    /// - Throws: `ModelError` where `d_model` does not divide into the heads.
    package init(_ parameters: ParameterScope, _ configuration: TransformerHeadConfiguration) throws(ModelError) {
        let width = configuration.width
        guard width % configuration.heads == 0 else {
            throw ModelError("d_model \(width) does not divide into \(configuration.heads) heads")
        }
        self.configuration = configuration
        projection = parameters.scope("proj").affine(inputs: configuration.latentWidth, outputs: width)
        positions = parameters.matrix("pos.weight", rows: configuration.positions, columns: width, .normal())
        layers = (0..<configuration.blockCount).map { index in
            EncoderLayer(
                parameters.scope("transformer_encoder").scope("layers").scope(index), width: width,
                heads: configuration.heads, feedForwardWidth: configuration.feedForwardWidth)
        }
        hidden = parameters.scope("classifier").scope(0).affine(inputs: width, outputs: width)
        output = parameters.scope("classifier").scope(2).affine(inputs: width, outputs: configuration.classes)
    }

    package var classes: Int { configuration.classes }

    func check(count: Int, width: Int) throws(ModelError) {
        guard count <= configuration.positions, width == configuration.latentWidth else {
            throw ModelError(
                "the classifier reads at most \(configuration.positions) latents of \(configuration.latentWidth), the encoder makes \(count) of \(width)"
            )
        }
    }

    /// *Shapes:* latents (batch·T, latent width) → logits (batch, classes).
    /// - Throws: `ModelError` where T is more than `positions` or the latents have another width.
    package func callAsFunction(_ z: Matrix, batch: Int, in builder: PlanBuilder) throws(ModelError) -> Matrix {
        let tokens = z.rows / batch
        try check(count: tokens, width: z.columns)
        let x = builder.apply(projection, to: z)
        builder.broadcast(positions.rows(0..<tokens), Axes(outer: 1, middle: batch, inner: tokens), into: x)
        let y = layers.reduce(x) { $1($0, batch: batch, in: builder) }
        let first = y.everyRow(step: tokens)
        return builder.mlp([hidden, output], on: first, endsInSigmoid: false)
    }
}

/// y = x + out_proj(attention(in_proj(norm1(x)))), result = y + linear2(GELU(linear1(norm2(y)))).
private struct EncoderLayer {
    private let attentionNorm: Normalization
    private let feedForwardNorm: Normalization
    private let inProjection: AffineMap
    private let outProjection: AffineMap
    private let expand: AffineMap
    private let contract: AffineMap
    private let heads: Int

    init(_ parameters: ParameterScope, width: Int, heads: Int, feedForwardWidth: Int) {
        self.heads = heads
        attentionNorm = parameters.scope("norm1").layerNorm(width)
        feedForwardNorm = parameters.scope("norm2").layerNorm(width)
        let attention = parameters.scope("self_attn")
        inProjection = attention.map(
            weight: attention.matrix("in_proj_weight", rows: 3 * width, columns: width, .uniform(fanIn: width)),
            bias: attention.row("in_proj_bias", 3 * width, .constant(0)))
        outProjection = attention.scope("out_proj").affine(inputs: width, outputs: width)
        expand = parameters.scope("linear1").affine(inputs: width, outputs: feedForwardWidth)
        contract = parameters.scope("linear2").affine(inputs: feedForwardWidth, outputs: width)
    }

    func callAsFunction(_ x: Matrix, batch: Int, in builder: PlanBuilder) -> Matrix {
        let (tokens, width) = (x.rows / batch, x.columns)
        let qkv = builder.apply(inProjection, to: builder.normalize(x, attentionNorm))
        let mixed = builder.matrix(rows: x.rows, columns: width)
        func columns(_ part: Int) -> HeadColumns { HeadColumns(width: width / heads, first: part * width) }
        builder.attention(
            q: qkv, columns(0), k: qkv, columns(1), v: qkv, columns(2),
            AttentionShape(batch: batch, heads: heads, queries: tokens, keys: tokens), into: mixed)
        let y = builder.apply(outProjection, to: mixed)
        builder.add(x, to: y)
        let hidden = builder.apply(expand, to: builder.normalize(y, feedForwardNorm))
        builder.activate(hidden, .gelu)
        let z = builder.apply(contract, to: hidden)
        builder.add(y, to: z)
        return z
    }
}
