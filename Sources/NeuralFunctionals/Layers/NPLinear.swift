import Engine
import Networks
import Tensors

/// The linear layer that is equivariant to permutations of the neurons of every layer, inputs and outputs included
/// (Zhou et al., Permutation Equivariant Neural Functionals, arXiv 2302.14040, appendix).
///
/// A layer's weight W_i is (outputs o, inputs p), i from 0. With affine maps of channels under their names in the
/// reference's state dict:
///
///     y.W_i[o, p] = layer_i(W_i[o, p]) + layer_i_rc(m) + layer_i_r(c_i[p]) + layer_i_c(r_i[o])
///     y.b_i[o]    = bias_i(r_i[o]) + bias_i_rc(m)
///     c_i[p] = [mean_o W_i[o, p], mean_p′ W_{i−1}[p, p′], b_{i−1}[p]]
///     r_i[o] = [mean_p W_i[o, p], b_i[o], mean_o′ W_{i+1}[o′, o]]
///     m      = [mean W_0, mean W_1, …, mean b_0, mean b_1, …]
///
/// where parts of missing neighbours are left out. A suffix says along what a result is constant: `_r` along rows, so
/// that it has a value per column (`perColumn` here), `_c` along columns (`perRow`), `_rc` along both (`everywhere`).
package struct NPLinear: WeightSpaceLayer {
    private let outputChannels: Int
    private let layers: [LayerMaps]
    private let ioEmbedding: IOEmbedding?

    /// The maps of one layer.
    private struct LayerMaps {
        let pointwise: AffineMap
        let everywhere: AffineMap
        let perColumn: AffineMap
        let perRow: AffineMap
        let bias: AffineMap
        let biasEverywhere: AffineMap
    }

    /// Reads the maps that the formulas name, each with `weight` and `bias`.
    /// - Parameters:
    ///   - inputs, outputs: channels.
    ///   - embedsIO: whether learned vectors are first added to the first weight, one for each input neuron, and to the
    ///     last weight and bias, one for each output neuron (`in_embed`, `out_embed`, `out_bias_embed`). The layer is
    ///     then equivariant to permutations of hidden neurons only.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int, embedsIO: Bool = false) {
        outputChannels = outputs
        let kernels = spec.layers.map(\.kernelCount)
        let pooled = (spec.depth + kernels.reduce(0, +)) * inputs
        layers = kernels.indices.map { index in
            let kernel = kernels[index]
            let rowInputs = kernel + (index > 0 ? kernels[index - 1] + 1 : 0)
            let columnInputs = kernel + 1 + (index < kernels.count - 1 ? kernels[index + 1] : 0)
            func map(_ name: String, _ inputs: Int, _ outputs: Int, _ rank: Int) -> AffineMap {
                parameters.scope(name).affine(inputs: inputs, outputs: outputs, kernelRank: rank)
            }
            return LayerMaps(
                pointwise: map("layer_\(index)", kernel * inputs, kernel * outputs, 2),
                everywhere: map("layer_\(index)_rc", pooled, kernel * outputs, 0),
                perColumn: map("layer_\(index)_r", rowInputs * inputs, kernel * outputs, 1),
                perRow: map("layer_\(index)_c", columnInputs * inputs, kernel * outputs, 1),
                bias: map("bias_\(index)", columnInputs * inputs, outputs, 1),
                biasEverywhere: map("bias_\(index)_rc", pooled, outputs, 0))
        }
        ioEmbedding = embedsIO ? IOEmbedding(parameters, spec, channels: inputs) : nil
    }

    /// *Shapes:* features with `inputs` channels → features of the same networks with `outputs` channels.
    package func callAsFunction(_ input: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let x = ioEmbedding.map { $0(input, in: builder) } ?? input
        let y = x.like(channels: outputChannels, in: builder)
        let pooled = pool(x, in: builder)
        for (layer, maps) in layers.enumerated() {
            let (outputs, inputs, _) = x.axes(layer)
            let perRow = rowFeatures(x, layer, in: builder)
            builder.apply(maps.pointwise, to: x.weights[layer], into: y.weights[layer])
            builder.broadcast(
                builder.apply(maps.everywhere, to: pooled), Axes(outer: x.batch, middle: outputs * inputs),
                into: y.weights[layer])
            builder.broadcast(
                builder.apply(maps.perColumn, to: columnFeatures(x, layer, in: builder)),
                Axes(outer: x.batch, middle: outputs, inner: inputs), into: y.weights[layer])
            builder.broadcast(
                builder.apply(maps.perRow, to: perRow), Axes(outer: x.batch * outputs, middle: inputs),
                into: y.weights[layer])
            builder.apply(maps.bias, to: perRow, into: y.biases[layer])
            builder.broadcast(
                builder.apply(maps.biasEverywhere, to: pooled), Axes(outer: x.batch, middle: outputs),
                into: y.biases[layer])
        }
        return y
    }

    /// The pooled vector m. *Shape:* (batch, columns).
    private func pool(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let pooled = builder.matrix(rows: x.batch, columns: layers[0].everywhere.inputs)
        var cursor = ColumnCursor(pooled)
        x.means(into: &cursor, in: builder)
        return pooled
    }

    /// c_layer. *Shape:* (batch·inputs, columns).
    private func columnFeatures(_ x: WeightSpaceFeatures, _ layer: Int, in builder: PlanBuilder) -> Matrix {
        let (_, inputs, _) = x.axes(layer)
        let y = builder.matrix(rows: x.batch * inputs, columns: layers[layer].perColumn.inputs)
        var cursor = ColumnCursor(y)
        x.meanOverOutputs(layer, into: cursor.take(x.columns(of: .weight(layer))), in: builder)
        if layer > 0 {
            x.meanOverInputs(layer - 1, into: cursor.take(x.columns(of: .weight(layer - 1))), in: builder)
            builder.copy(x.biases[layer - 1], to: cursor.take(x.channels))
        }
        return y
    }

    /// r_layer. *Shape:* (batch·outputs, columns).
    private func rowFeatures(_ x: WeightSpaceFeatures, _ layer: Int, in builder: PlanBuilder) -> Matrix {
        let (outputs, _, _) = x.axes(layer)
        let y = builder.matrix(rows: x.batch * outputs, columns: layers[layer].perRow.inputs)
        var cursor = ColumnCursor(y)
        x.meanOverInputs(layer, into: cursor.take(x.columns(of: .weight(layer))), in: builder)
        builder.copy(x.biases[layer], to: cursor.take(x.channels))
        if layer < x.spec.depth - 1 {
            x.meanOverOutputs(layer + 1, into: cursor.take(x.columns(of: .weight(layer + 1))), in: builder)
        }
        return y
    }
}

/// Adds a learned vector for every input neuron to the first weight, and for every output neuron to the last weight and
/// bias: inputs and outputs are then no longer interchangeable.
private struct IOEmbedding {
    /// (inputs, channels·k), (outputs, channels·k) and (outputs, channels), k kernel positions
    private let input: Matrix
    private let output: Matrix
    private let outputBias: Matrix

    init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        func embedding(_ name: String, _ shape: [Int], channels: Int, neurons: Int) -> Matrix {
            parameters.matrix(
                name, shape, rows: neurons, columns: channels,
                order: { transposedOrder(outer: channels, inner: neurons) }, .normal())
        }
        let first = channels * (spec.layers.first?.kernelCount ?? 1)
        let last = channels * (spec.layers.last?.kernelCount ?? 1)
        input = embedding("in_embed", [1, first, 1, spec.inputs], channels: first, neurons: spec.inputs)
        output = embedding("out_embed", [1, last, spec.outputs, 1], channels: last, neurons: spec.outputs)
        outputBias = embedding(
            "out_bias_embed", [1, channels, spec.outputs], channels: channels, neurons: spec.outputs)
    }

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for (source, target) in zip(x.blocks, y.blocks) { builder.copy(source, to: target) }
        let last = x.spec.depth - 1
        let (outputs, inputs, _) = x.axes(last)
        builder.broadcast(
            input, Axes(outer: 1, middle: x.batch * x.axes(0).outputs, inner: x.spec.inputs), into: y.weights[0])
        for network in 0..<x.batch {
            let rows = network * outputs * inputs..<(network + 1) * outputs * inputs
            builder.broadcast(output, Axes(outer: outputs, middle: inputs), into: y.weights[last].rows(rows))
        }
        builder.broadcast(outputBias, Axes(outer: 1, middle: x.batch, inner: outputs), into: y.biases[last])
        return y
    }
}

extension WeightSpaceFeatures {
    /// All weights, then all biases: the order of the reference's pooled vectors.
    var arraysByKind: [ArrayIndex] {
        (0..<spec.depth).map(ArrayIndex.weight) + (0..<spec.depth).map(ArrayIndex.bias)
    }

    func columns(of array: ArrayIndex) -> Int {
        switch array {
        case .weight(let layer): channels * spec.layers[layer].kernelCount
        case .bias: channels
        }
    }
}
