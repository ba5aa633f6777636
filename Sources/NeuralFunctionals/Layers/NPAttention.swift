import Engine
import Networks

/// Weight-space self-attention, equivariant to permutations of the neurons of every layer (Zhou et al., arXiv
/// 2305.13546, §3). There is no output projection.
///
/// Every token x has q, k, v = to_qkv(x), cut into heads. Attention of tokens is softmax(Q Kᵀ / √d) V for each head.
/// For the weight W_i (outputs o, inputs p) and bias b_i of layer i, from 0:
///
///     y.W_i[o, p] = G(W_i) + N_{i+1}(W_i[:, p])[o] + N_i(W_i[o, :])[p]
///     y.b_i[o]    = G(b_i) + N_{i+1}(b_i)[o]
///
/// - G: all arrays attend to each other. The token of an array has the means of q, k and v over the array's entries;
///   d is the width of a head. All entries of the array have the same result.
/// - N_j: in neuron layer j (the inputs where j = 0) the columns of W_{j−1}, the bias b_{j−1} and the rows of W_j
///   attend to each other, as far as they exist. The token of each is a vector over the layer's n neurons, so d = n ·
///   width of a head; [o] is the part of neuron o.
package struct NPAttention: WeightSpaceLayer {
    private let heads: Int
    private let projections: Projections

    private enum Projections {
        /// One `to_qkv` for all weights and biases.
        case shared(AffineMap)
        /// One `to_qkv` for each weight and each bias; `unprojections` map the results for weights back to all
        /// positions of their kernels.
        case perLayer(weights: [AffineMap], biases: [AffineMap], unprojections: [AffineMap])
    }

    /// Reads `to_qkv.linear`, or `weight_to_qkv.i.linear`, `bias_to_qkv.i.linear` and `unproject_weight.i.linear`.
    /// - Parameters:
    ///   - channels: of x and of the result; divisible by `heads`.
    ///   - sharesProjections: one map to queries, keys and values for all arrays, for fully connected networks;
    ///     otherwise one for each array, which also maps kernel positions.
    package init(
        _ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int, heads: Int, sharesProjections: Bool
    ) {
        self.heads = heads
        guard !sharesProjections else {
            projections = .shared(
                parameters.scope("to_qkv").scope("linear").affine(inputs: channels, outputs: 3 * channels))
            return
        }
        func map(_ name: String, _ index: Int, _ inputs: Int, _ outputs: Int, biasFactor: Float = 1) -> AffineMap {
            parameters.scope(name).scope(index).scope("linear").affine(
                inputs: inputs, outputs: outputs, biasFactor: biasFactor)
        }
        projections = .perLayer(
            weights: spec.layers.enumerated().map { index, layer in
                map("weight_to_qkv", index, channels * layer.kernelCount, 3 * channels)
            },
            biases: spec.layers.indices.map { map("bias_to_qkv", $0, channels, 3 * channels) },
            unprojections: spec.layers.enumerated().map { index, layer in
                // The reference maps each of a weight's three terms and adds up the results, so the bias counts three
                // times.
                map("unproject_weight", index, channels, channels * layer.kernelCount, biasFactor: 3)
            })
    }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        self(x, norm: nil, in: builder)
    }

    /// - Parameter norm: is applied to x first.
    func callAsFunction(
        _ x: WeightSpaceFeatures, norm: SimpleLayerNorm?, in builder: PlanBuilder
    ) -> WeightSpaceFeatures {
        let plainSpec = NetworkSpec(
            layers: x.spec.layers.map { LayerShape(outputs: $0.outputs, inputs: $0.inputs) })
        let qkv = WeightSpaceFeatures(plainSpec, batch: x.batch, channels: 3 * x.channels, in: builder)
        let out = WeightSpaceFeatures(plainSpec, batch: x.batch, channels: x.channels, in: builder)
        project(x, norm, into: qkv, in: builder)
        attendGlobally(qkv, into: out, in: builder)
        builder.neuronAttention(
            neuronGroups(qkv: qkv, out: out), batch: x.batch, heads: heads, width: x.channels / heads)
        guard case .perLayer(_, _, let unprojections) = projections else { return out }
        let y = x.like(in: builder)
        for layer in 0..<x.spec.depth {
            builder.apply(unprojections[layer], to: out.weights[layer], into: y.weights[layer])
            builder.copy(out.biases[layer], to: y.biases[layer])
        }
        return y
    }

    private func project(
        _ x: WeightSpaceFeatures, _ norm: SimpleLayerNorm?, into qkv: WeightSpaceFeatures, in builder: PlanBuilder
    ) {
        if let norm {
            guard case .shared(let map) = projections else {
                return project(norm(x, in: builder), nil, into: qkv, in: builder)
            }
            let ends = zip(zip(x.arrays, qkv.arrays), norm.norms)
            return builder.map(ends.map { NormalizedMap($0.0, $1, map, into: $0.1) })
        }
        switch projections {
        case .shared(let map):
            for (source, target) in zip(x.blocks, qkv.blocks) { builder.apply(map, to: source, into: target) }
        case .perLayer(let weights, let biases, _):
            for layer in 0..<x.spec.depth {
                builder.apply(weights[layer], to: x.weights[layer], into: qkv.weights[layer])
                builder.apply(biases[layer], to: x.biases[layer], into: qkv.biases[layer])
            }
        }
    }

    /// The attention among arrays. Overwrites `out`.
    private func attendGlobally(
        _ qkv: WeightSpaceFeatures, into out: WeightSpaceFeatures, in builder: PlanBuilder
    ) {
        let arrays = qkv.arraysByKind
        let width = qkv.channels / 3 / heads
        // (batch, arrays · channels): each mean is written to a range of columns, then read as a row of a reshaped
        // view.
        let means = builder.matrix(rows: qkv.batch, columns: arrays.count * qkv.channels)
        var cursor = ColumnCursor(means)
        qkv.means(into: &cursor, in: builder)
        let tokens = means.reshaped(rows: qkv.batch * arrays.count, columns: qkv.channels)
        let mixed = builder.matrix(rows: tokens.rows, columns: out.channels)
        func columns(_ part: Int) -> HeadColumns { HeadColumns(width: width, pitch: 3 * width, first: part * width) }
        builder.attention(
            q: tokens, columns(0), k: tokens, columns(1), v: tokens, columns(2),
            AttentionShape(batch: qkv.batch, heads: heads, queries: arrays.count, keys: arrays.count), into: mixed)
        let rows = mixed.reshaped(rows: qkv.batch, columns: arrays.count * out.channels)
        var results = ColumnCursor(rows)
        for array in arrays {
            let result = results.take(out.channels)
            switch array {
            case .weight(let layer):
                let (outputs, inputs, _) = out.axes(layer)
                builder.broadcast(
                    result, Axes(outer: out.batch, middle: outputs * inputs), into: out.weights[layer],
                    overwriting: true)
            case .bias(let layer):
                builder.broadcast(
                    result, Axes(outer: out.batch, middle: out.axes(layer).outputs), into: out.biases[layer],
                    overwriting: true)
            }
        }
    }

    /// The neuron layers from inputs to outputs, each with the columns of the weight before it, its bias and the rows
    /// of the weight after it.
    private func neuronGroups(qkv: WeightSpaceFeatures, out: WeightSpaceFeatures) -> [NeuronGroup] {
        (-1..<qkv.spec.depth).map { layer in
            var sources: [NeuronTokens] = []
            if layer >= 0 {
                let (outputs, inputs, _) = qkv.axes(layer)
                sources.append(
                    NeuronTokens(
                        qkv: qkv.weights[layer], out: out.weights[layer], tokens: inputs,
                        networkStride: outputs * inputs, tokenStride: 1, neuronStride: inputs))
                sources.append(
                    NeuronTokens(
                        qkv: qkv.biases[layer], out: out.biases[layer], tokens: 1, networkStride: outputs,
                        tokenStride: 0, neuronStride: 1))
            }
            if layer + 1 < qkv.spec.depth {
                let (outputs, inputs, _) = qkv.axes(layer + 1)
                sources.append(
                    NeuronTokens(
                        qkv: qkv.weights[layer + 1], out: out.weights[layer + 1], tokens: outputs,
                        networkStride: outputs * inputs, tokenStride: inputs, neuronStride: 1))
            }
            return NeuronGroup(neurons: layer < 0 ? qkv.spec.inputs : qkv.axes(layer).outputs, sources: sources)
        }
    }
}
