import Engine
import Networks

/// The pre-norm transformer block of Neural Functional Transformers (Zhou et al., arXiv 2305.13546):
///
///     y      = x + NPAttention(norm₁(x))
///     result = y + Pointwise(GELU(Pointwise(norm₂(y))))
///
/// A gated feed-forward part (GEGLU; Shazeer, arXiv 2002.05202) has value ⊙ GELU(gate), where the first `Pointwise` gives
/// [value, gate], in place of GELU. Then a token can hold the product of a weight and a feature of its neuron.
package struct NFTBlock: WeightSpaceLayer {
    /// What stands between the two maps of the feed-forward part.
    package enum FeedForwardActivation: String, CaseIterable, Sendable {
        /// GELU, as published.
        case gelu
        /// value ⊙ GELU(gate).
        case geglu
    }

    private let attentionNorm: SimpleLayerNorm
    private let feedForwardNorm: SimpleLayerNorm
    private let attention: NPAttention
    /// The maps of the feed-forward part, one for each array, w0, b0, w1, b1, …
    private let expand: [AffineMap]
    private let contract: [AffineMap]
    private let activation: FeedForwardActivation

    /// Reads `ln1`, `attn`, `ln2` and `ff`.
    /// - Parameters:
    ///   - channels: of x and of the result; divisible by `heads`.
    ///   - expansions: the feed-forward part has expansion · channels hidden channels; one for all arrays, or one for each,
    ///     w0, b0, w1, b1, …
    ///   - activation: of the hidden channels.
    ///   - sharesProjections: whether all arrays share one map to queries, keys and values (`NPAttention`).
    package init(
        _ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int, heads: Int, expansions: [Int],
        activation: FeedForwardActivation = .gelu, sharesProjections: Bool = true
    ) {
        self.activation = activation
        attentionNorm = SimpleLayerNorm(parameters.scope("ln1"), spec, channels: channels)
        feedForwardNorm = SimpleLayerNorm(parameters.scope("ln2"), spec, channels: channels)
        attention = NPAttention(
            parameters.scope("attn"), spec, channels: channels, heads: heads, sharesProjections: sharesProjections)
        precondition(expansions.count == 1 || expansions.count == 2 * spec.depth, "one for all arrays or one for each")
        func hidden(_ array: Int) -> Int { channels * (expansions.count == 1 ? expansions[0] : expansions[array]) }
        let parts = activation == .geglu ? 2 : 1
        expand = Pointwise.maps(parameters.scope("ff").scope(0), spec) { (channels, parts * hidden($0)) }
        contract = Pointwise.maps(parameters.scope("ff").scope(2), spec) { (hidden($0), channels) }
    }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = attention(x, norm: attentionNorm, in: builder)
        builder.add(x, to: y)
        return switch activation {
        case .gelu: feedForward(y, in: builder)
        case .geglu: gatedFeedForward(y, in: builder)
        }
    }

    private func feedForward(_ y: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let z = y.like(in: builder)
        builder.feedForward(
            y.arrays.indices.map { array in
                FeedForward(
                    y.arrays[array], feedForwardNorm.norms[array], expand: expand[array],
                    contract: contract[array], into: z.arrays[array])
            })
        return z
    }

    private func gatedFeedForward(_ y: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let z = y.like(in: builder)
        let hidden = zip(y.arrays, expand).map { builder.matrix(rows: $0.rows, columns: $1.outputs) }
        builder.map(
            hidden.indices.map {
                NormalizedMap(y.arrays[$0], feedForwardNorm.norms[$0], expand[$0], into: hidden[$0])
            })
        for (index, map) in contract.enumerated() {
            builder.copy(y.arrays[index], to: z.arrays[index])
            builder.apply(map, to: builder.gatedGELU(hidden[index]), into: z.arrays[index], accumulating: true)
        }
        return z
    }
}

/// The residual block of equivariant linear layers x + ReLU(linear(norm(x))), where linear is an `HNPLinear` or an
/// `NPLinear` and norm a `SimpleLayerNorm`.
package struct LinearResidualBlock: WeightSpaceLayer {
    private let norm: SimpleLayerNorm
    private let linear: any WeightSpaceLayer

    /// Reads `norm` and `base_layer`.
    /// - Parameter isHiddenOnly: whether linear is an `HNPLinear`, equivariant to permutations of hidden neurons
    ///   only.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int, isHiddenOnly: Bool) {
        norm = SimpleLayerNorm(parameters.scope("norm"), spec, channels: channels)
        let scope = parameters.scope("base_layer")
        linear =
            isHiddenOnly
            ? HNPLinear(scope, spec, inputs: channels, outputs: channels)
            : NPLinear(scope, spec, inputs: channels, outputs: channels)
    }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = linear(norm(x, in: builder), in: builder)
        builder.activate(y, .relu)
        builder.add(x, to: y)
        return y
    }
}

extension PlanBuilder {
    /// y += x for all tokens.
    func add(_ x: WeightSpaceFeatures, to y: WeightSpaceFeatures) {
        for (source, target) in zip(x.blocks, y.blocks) { add(source, to: target) }
    }

    /// x = f(x) in place for all tokens.
    package func activate(_ x: WeightSpaceFeatures, _ activation: Activation) {
        for block in x.blocks { activate(block, activation) }
    }
}
