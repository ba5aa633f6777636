import Engine
import Networks
import Tensors

/// Pools all tokens of a network into an array of latents (Jaegle et al., Perceiver, arXiv 2103.03206). With initial
/// latents z that are learned, plus outputs(o) where the pool also reads a vector o of features of the network's outputs,
/// plus means(m) where it also reads the means m of the tokens of each array:
///
///     z = z + CrossAttention(norm(z), norm(tokens))      z = z + GatedFeedForward(norm(z))
///     for each further layer:
///     z = z + SelfAttention(norm(z))                     z = z + GatedFeedForward(norm(z))
///
/// Cross-attention has one head as wide as a token; self-attention has 8 heads of 64 channels. GatedFeedForward(x) =
/// contract(value ⊙ gelu(gate)), [value, gate] = expand(x).
package struct PerceiverPool: Sendable {
    private let latents: Matrix
    /// From o to all latents together; nil where the initial latents are the same for every network.
    private let outputs: AffineMap?
    /// From m to all latents together; nil for none.
    private let means: AffineMap?
    private let contextNorm: Normalization
    private let crossAttention: PreNormAttention
    private let feedForward: GatedFeedForward
    private let selfAttention: [(attention: PreNormAttention, feedForward: GatedFeedForward)]

    private static let selfAttentionHeads = 8
    private static let selfAttentionWidth = 64

    /// Reads `latents`, (latents, width), `cross_attns.0`, `cross_ffs.0` and `self_attns.0`; `outputs`, (latents·width,
    /// outputs), where there are `outputs`, and `means`, (latents·width, means), where there are `means`.
    /// - Parameters:
    ///   - channels: of a token.
    ///   - latents: how many.
    ///   - width: channels of a latent.
    ///   - selfAttentionLayers: further layers, 0 for none.
    ///   - outputs: columns of o, on which the initial latents depend; nil for none.
    ///   - means: columns of m, on which they depend too; nil for none.
    package init(
        _ parameters: ParameterScope, channels: Int, latents: Int, width: Int, selfAttentionLayers: Int,
        outputs: Int? = nil, means: Int? = nil
    ) {
        func map(_ name: String, _ count: Int) -> AffineMap {
            parameters.scope(name).affine(inputs: count, outputs: latents * width, hasBias: false)
        }
        self.latents = parameters.matrix("latents", rows: latents, columns: width, .normal())
        self.outputs = outputs.map { map("outputs", $0) }
        self.means = means.map { map("means", $0) }
        let cross = parameters.scope("cross_attns").scope(0)
        contextNorm = cross.scope("norm_context").layerNorm(channels)
        crossAttention = PreNormAttention(cross, width: width, context: channels, heads: 1, headWidth: channels)
        feedForward = GatedFeedForward(parameters.scope("cross_ffs").scope(0), width: width)
        selfAttention = (0..<selfAttentionLayers).map { index in
            let scope = parameters.scope("self_attns").scope(0).scope(index)
            return (
                PreNormAttention(
                    scope.scope(0), width: width, context: width, heads: Self.selfAttentionHeads,
                    headWidth: Self.selfAttentionWidth),
                GatedFeedForward(scope.scope(1), width: width)
            )
        }
    }

    /// Latents of a network.
    package var latentCount: Int { latents.rows }
    /// Channels of a latent.
    package var latentWidth: Int { latents.columns }

    /// *Shapes:* tokens (batch·T, channels), o (batch, outputs), m (batch, means) → (batch·latents, width), with any number T
    /// of tokens a network. A pool without `outputs` does not read o, one without `means` not m.
    package func callAsFunction(
        _ tokens: Matrix, outputs o: Matrix? = nil, means m: Matrix? = nil, batch: Int, in builder: PlanBuilder
    ) -> Matrix {
        let x = builder.matrix(rows: batch * latents.rows, columns: latents.columns)
        builder.broadcast(
            latents, Axes(outer: 1, middle: batch, inner: latents.rows), into: x, overwriting: true)
        for (map, features) in [(outputs, o), (means, m)] {
            guard let map else { continue }
            guard let features else { preconditionFailure("a pool needs the features that it reads") }
            builder.apply(map, to: features, into: x.reshaped(rows: batch, columns: map.outputs), accumulating: true)
        }
        let read = feedForward(
            crossAttention(x, context: (tokens, contextNorm), batch: batch, in: builder), in: builder)
        return selfAttention.reduce(read) { y, layer in
            layer.feedForward(layer.attention(y, context: nil, batch: batch, in: builder), in: builder)
        }
    }
}

/// x + to_out(attention(to_q(norm(x)), keys, values)), where the columns of to_kv(context) are [keys, values].
private struct PreNormAttention {
    private let norm: Normalization
    private let toQ: AffineMap
    private let toKV: AffineMap
    private let toOut: AffineMap
    private let heads: Int
    private let headWidth: Int

    init(_ parameters: ParameterScope, width: Int, context: Int, heads: Int, headWidth: Int) {
        let inner = heads * headWidth
        let function = parameters.scope("fn")
        norm = parameters.scope("norm").layerNorm(width)
        toQ = function.scope("to_q").affine(inputs: width, outputs: inner, hasBias: false)
        toKV = function.scope("to_kv").affine(inputs: context, outputs: 2 * inner, hasBias: false)
        toOut = function.scope("to_out").affine(inputs: inner, outputs: width)
        self.heads = heads
        self.headWidth = headWidth
    }

    /// - Parameter context: the tokens to attend to, and their norm; norm(x) where nil.
    func callAsFunction(
        _ x: Matrix, context: (tokens: Matrix, norm: Normalization)?, batch: Int, in builder: PlanBuilder
    ) -> Matrix {
        let normed = builder.normalize(x, norm)
        let q = builder.apply(toQ, to: normed)
        let kv = builder.matrix(rows: context?.tokens.rows ?? x.rows, columns: toKV.outputs)
        if let (tokens, norm) = context {
            builder.map([NormalizedMap(tokens, norm, toKV, into: kv)])
        } else {
            builder.apply(toKV, to: normed, into: kv)
        }
        let mixed = builder.matrix(rows: x.rows, columns: heads * headWidth)
        builder.attention(
            q: q, HeadColumns(width: headWidth), k: kv, HeadColumns(width: headWidth), v: kv,
            HeadColumns(width: headWidth, first: heads * headWidth),
            AttentionShape(batch: batch, heads: heads, queries: x.rows / batch, keys: kv.rows / batch), into: mixed)
        let y = builder.apply(toOut, to: mixed)
        builder.add(x, to: y)
        return y
    }
}

/// x + Linear(value ⊙ gelu(gate)), where [value, gate] = Linear(norm(x)), each four times as wide as x.
private struct GatedFeedForward {
    private let norm: Normalization
    private let expand: AffineMap
    private let contract: AffineMap

    init(_ parameters: ParameterScope, width: Int) {
        norm = parameters.scope("norm").layerNorm(width)
        let net = parameters.scope("fn").scope("net")
        expand = net.scope(0).affine(inputs: width, outputs: 8 * width)
        contract = net.scope(2).affine(inputs: 4 * width, outputs: width)
    }

    func callAsFunction(_ x: Matrix, in builder: PlanBuilder) -> Matrix {
        let gated = builder.gatedGELU(builder.apply(expand, to: builder.normalize(x, norm)))
        let y = builder.apply(contract, to: gated)
        builder.add(x, to: y)
        return y
    }
}
