import Engine
import Networks

/// The paper's weight-space self-attention: all arrays' means attend to each other, and in every neuron layer the
/// columns of the weight before it, the bias and the rows of the weight after it (arXiv 2305.13546, §3).
/// There is no output projection.
package struct NPAttention: WeightSpaceLayer {
    private let heads: Int
    private let projections: Projections

    private enum Projections {
        /// One map for every weight and bias.
        case shared(AffineMap)
        /// Maps of their own for each layer, weights and biases; weights are mapped back to their kernel's positions.
        case perLayer(weights: [AffineMap], biases: [AffineMap], unprojections: [AffineMap])
    }

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
                // The reference maps each of a weight's three terms back, bias and all, and adds them up.
                map("unproject_weight", index, channels, channels * layer.kernelCount, biasFactor: 3)
            })
    }

    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        self(x, norm: nil, in: builder)
    }

    /// - Parameter norm: comes before the attention.
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

    /// The arrays' mean queries, keys and values attend to each other; each result goes to every entry of its array.
    private func attendGlobally(
        _ qkv: WeightSpaceFeatures, into out: WeightSpaceFeatures, in builder: PlanBuilder
    ) {
        let arrays = qkv.arraysByKind
        let width = qkv.channels / 3 / heads
        // A network's 2L tokens stand in one row, so that every mean has a column range of its own.
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

    /// For each neuron layer, inputs first: columns of the weight before it, its bias, rows of the weight after it.
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
