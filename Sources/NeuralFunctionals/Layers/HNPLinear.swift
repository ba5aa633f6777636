import Engine
import Networks
import Tensors

/// The linear layer that is equivariant to permutations of hidden neurons but not of inputs and outputs (Zhou et al.,
/// arXiv 2302.14040). For networks of at least two layers.
///
/// A layer's weight W_i is (outputs o, inputs p), i from 0 to l. Inputs of W_0 and outputs of W_l are not
/// interchangeable, so a row W_0[o, :] and a column W_l[:, p] count as one vector of neurons × channels:
///
///     y.W_0[o, :] = w0_rpt(r_0[o]) + w0_rbdcst(m)          y.b_0[o] = bias_0(r_0[o]) + bias_0_rc(m)
///     y.W_l[:, p] = wfin_cpt(c_l[p]) + wfin_cbdcst(m)      y.b_l[:] = bias_fin_rc(m)
///     r_0[o] = [W_0[o, :], mean_o′ W_1[o′, o], b_0[o]], with W_l[:, o] after them where l = 1
///     c_l[p] = [W_l[:, p], mean_p′ W_{l−1}[p, p′]], with W_0[p, :] after them where l = 1
///
/// The weights and biases between are mapped as by `NPLinear`, with two differences: c_1[p] ends with row p of W_0, and
/// r_{l−1}[o] with column o of W_l. The pooled vector m has the means of all weights, those of all biases, then
/// mean_o W_0[o, :], mean_p W_l[:, p] and b_l as whole vectors.
///
/// Names are those of the parameters in the reference's state dict. It orders a vector of neurons × channels
/// channel-major; this engine's order is neuron-major, and parameters are reordered once, when they are read.
package struct HNPLinear: WeightSpaceLayer {
    private let outputChannels: Int
    private let first: EndMaps
    private let last: EndMaps
    private let middle: [Int: MiddleMaps]
    private let lastBias: AffineMap

    /// Maps that make the first weight from features of its output neurons (r_0), or the last from those of its input
    /// neurons (c_l), and both from the pooled vector (`everywhere`).
    private struct EndMaps {
        let perNeuron: AffineMap
        let everywhere: AffineMap
        let bias: AffineMap?
        let biasEverywhere: AffineMap?
    }

    private struct MiddleMaps {
        let pointwise: AffineMap
        let everywhere: AffineMap
        let perColumn: AffineMap
        let perRow: AffineMap
        let bias: AffineMap
        let biasEverywhere: AffineMap
    }

    /// Reads the maps that the formulas name, each with `weight` and `bias`.
    /// - Parameters:
    ///   - spec: at least two layers.
    ///   - inputs, outputs: channels.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int) {
        let reader = HNPParameters(parameters, spec, inputs: inputs, outputs: outputs)
        outputChannels = outputs
        let kernels = spec.layers.map(\.kernelCount)
        let depth = spec.depth
        let isShallow = depth == 2

        let firstInputs: [FoldedColumns] =
            [.folded(kernels[0] * inputs, spec.inputs), .plain(kernels[1] * inputs), .plain(inputs)]
            + (isShallow ? [.folded(kernels[1] * inputs, spec.outputs)] : [])
        let firstOutputs = FoldedColumns.folded(kernels[0] * outputs, spec.inputs)
        first = EndMaps(
            perNeuron: reader.map("w0_rpt", firstInputs, firstOutputs, rank: 1),
            everywhere: reader.map("w0_rbdcst", reader.pooled, firstOutputs, rank: 0),
            bias: reader.map("bias_0", firstInputs, .plain(outputs), rank: 1),
            biasEverywhere: reader.map("bias_0_rc", reader.pooled, .plain(outputs), rank: 0))

        let lastInputs: [FoldedColumns] =
            [.folded(kernels[depth - 1] * inputs, spec.outputs), .plain(kernels[depth - 2] * inputs)]
            + (isShallow ? [.folded(kernels[0] * inputs, spec.inputs)] : [])
        let lastOutputs = FoldedColumns.folded(kernels[depth - 1] * outputs, spec.outputs)
        last = EndMaps(
            perNeuron: reader.map("wfin_cpt", lastInputs, lastOutputs, rank: 1),
            everywhere: reader.map("wfin_cbdcst", reader.pooled, lastOutputs, rank: 0), bias: nil, biasEverywhere: nil)
        lastBias = reader.map("bias_fin_rc", reader.pooled, .folded(outputs, spec.outputs), rank: 0)

        middle = Dictionary(
            uniqueKeysWithValues: (1..<max(depth - 1, 1)).map { index in
                let kernel = kernels[index]
                let columnInputs: [FoldedColumns] =
                    [.plain(kernel * inputs), .plain(kernels[index - 1] * inputs), .plain(inputs)]
                    + (index == 1 ? [.folded(kernels[0] * inputs, spec.inputs)] : [])
                let rowInputs: [FoldedColumns] =
                    [.plain(kernel * inputs), .plain(inputs), .plain(kernels[index + 1] * inputs)]
                    + (index == depth - 2 ? [.folded(kernels[depth - 1] * inputs, spec.outputs)] : [])
                let whole = FoldedColumns.plain(kernel * outputs)
                return (
                    index,
                    MiddleMaps(
                        pointwise: reader.map("layer_\(index)", [.plain(kernel * inputs)], whole, rank: 2),
                        everywhere: reader.map("layer_\(index)_rc", reader.pooled, whole, rank: 0),
                        perColumn: reader.map("layer_\(index)_r", columnInputs, whole, rank: 1),
                        perRow: reader.map("layer_\(index)_c", rowInputs, whole, rank: 1),
                        bias: reader.map("bias_\(index)", rowInputs, .plain(outputs), rank: 1),
                        biasEverywhere: reader.map("bias_\(index)_rc", reader.pooled, .plain(outputs), rank: 0))
                )
            })
    }

    /// *Shapes:* features with `inputs` channels → features of the same networks with `outputs` channels.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: outputChannels, in: builder)
        let pooled = pool(x, in: builder)
        // (network·input, output·channel)
        let lastByColumn = lastWeightByColumn(x, in: builder)
        applyFirst(x, pooled: pooled, lastByColumn: lastByColumn, into: y, in: builder)
        for layer in 1..<max(x.spec.depth - 1, 1) {
            if let maps = middle[layer] {
                apply(maps, x, layer, pooled: pooled, lastByColumn: lastByColumn, into: y, in: builder)
            }
        }
        applyLast(x, pooled: pooled, lastByColumn: lastByColumn, into: y, in: builder)
        return y
    }

    private func pool(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let pooled = builder.matrix(rows: x.batch, columns: first.everywhere.inputs)
        var cursor = ColumnCursor(pooled)
        x.means(into: &cursor, in: builder)
        let last = x.spec.depth - 1
        let firstMeans = builder.matrix(rows: x.batch * x.spec.inputs, columns: x.weights[0].columns)
        x.meanOverOutputs(0, into: firstMeans, in: builder)
        let lastMeans = builder.matrix(rows: x.batch * x.spec.outputs, columns: x.weights[last].columns)
        x.meanOverInputs(last, into: lastMeans, in: builder)
        for part in [firstMeans, lastMeans, x.biases[last]] {
            let row = part.reshaped(rows: x.batch, columns: part.count / x.batch)
            builder.copy(row, to: cursor.take(row.columns))
        }
        return pooled
    }

    private func lastWeightByColumn(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let last = x.spec.depth - 1
        let (outputs, inputs, _) = x.axes(last)
        let weight = x.weights[last]
        let swapped = builder.matrix(rows: weight.rows, columns: weight.columns)
        builder.swapAxes(weight, Axes(outer: x.batch, middle: outputs, inner: inputs), into: swapped)
        return swapped.reshaped(rows: x.batch * inputs, columns: outputs * weight.columns)
    }

    /// The first weight as (network·output, input·channel): a row for each of its output neurons.
    private func firstWeightByRow(_ x: WeightSpaceFeatures) -> Matrix {
        let (outputs, inputs, _) = x.axes(0)
        return x.weights[0].reshaped(rows: x.batch * outputs, columns: inputs * x.weights[0].columns)
    }

    private func applyFirst(
        _ x: WeightSpaceFeatures, pooled: Matrix, lastByColumn: Matrix, into y: WeightSpaceFeatures,
        in builder: PlanBuilder
    ) {
        let (outputs, inputs, _) = x.axes(0)
        let features = builder.matrix(rows: x.batch * outputs, columns: first.perNeuron.inputs)
        var cursor = ColumnCursor(features)
        let own = firstWeightByRow(x)
        builder.copy(own, to: cursor.take(own.columns))
        x.meanOverOutputs(1, into: cursor.take(x.columns(of: .weight(1))), in: builder)
        builder.copy(x.biases[0], to: cursor.take(x.channels))
        if x.spec.depth == 2 { builder.copy(lastByColumn, to: cursor.take(lastByColumn.columns)) }
        let target = y.weights[0].reshaped(rows: x.batch * outputs, columns: inputs * y.weights[0].columns)
        builder.apply(first.perNeuron, to: features, into: target)
        let axes = Axes(outer: x.batch, middle: outputs)
        builder.broadcast(builder.apply(first.everywhere, to: pooled), axes, into: target)
        if let bias = first.bias, let everywhere = first.biasEverywhere {
            builder.apply(bias, to: features, into: y.biases[0])
            builder.broadcast(builder.apply(everywhere, to: pooled), axes, into: y.biases[0])
        }
    }

    private func applyLast(
        _ x: WeightSpaceFeatures, pooled: Matrix, lastByColumn: Matrix, into y: WeightSpaceFeatures,
        in builder: PlanBuilder
    ) {
        let layer = x.spec.depth - 1
        let (outputs, inputs, _) = x.axes(layer)
        let features = builder.matrix(rows: x.batch * inputs, columns: last.perNeuron.inputs)
        var cursor = ColumnCursor(features)
        builder.copy(lastByColumn, to: cursor.take(lastByColumn.columns))
        x.meanOverInputs(layer - 1, into: cursor.take(x.columns(of: .weight(layer - 1))), in: builder)
        if layer == 1 {
            let own = firstWeightByRow(x)
            builder.copy(own, to: cursor.take(own.columns))
        }
        let result = builder.apply(last.perNeuron, to: features)
        builder.broadcast(
            builder.apply(last.everywhere, to: pooled), Axes(outer: x.batch, middle: inputs), into: result)
        builder.swapAxes(
            result.reshaped(rows: y.weights[layer].rows, columns: y.weights[layer].columns),
            Axes(outer: x.batch, middle: inputs, inner: outputs), into: y.weights[layer])
        let bias = y.biases[layer]
        builder.apply(lastBias, to: pooled, into: bias.reshaped(rows: x.batch, columns: outputs * bias.columns))
    }

    private func apply(
        _ maps: MiddleMaps, _ x: WeightSpaceFeatures, _ layer: Int, pooled: Matrix, lastByColumn: Matrix,
        into y: WeightSpaceFeatures, in builder: PlanBuilder
    ) {
        let (outputs, inputs, _) = x.axes(layer)
        let perColumn = builder.matrix(rows: x.batch * inputs, columns: maps.perColumn.inputs)
        var columns = ColumnCursor(perColumn)
        x.meanOverOutputs(layer, into: columns.take(x.columns(of: .weight(layer))), in: builder)
        x.meanOverInputs(layer - 1, into: columns.take(x.columns(of: .weight(layer - 1))), in: builder)
        builder.copy(x.biases[layer - 1], to: columns.take(x.channels))
        if layer == 1 {
            let own = firstWeightByRow(x)
            builder.copy(own, to: columns.take(own.columns))
        }
        let perRow = builder.matrix(rows: x.batch * outputs, columns: maps.perRow.inputs)
        var rows = ColumnCursor(perRow)
        x.meanOverInputs(layer, into: rows.take(x.columns(of: .weight(layer))), in: builder)
        builder.copy(x.biases[layer], to: rows.take(x.channels))
        x.meanOverOutputs(layer + 1, into: rows.take(x.columns(of: .weight(layer + 1))), in: builder)
        if layer == x.spec.depth - 2 { builder.copy(lastByColumn, to: rows.take(lastByColumn.columns)) }

        let (weight, bias) = (y.weights[layer], y.biases[layer])
        builder.apply(maps.pointwise, to: x.weights[layer], into: weight)
        builder.broadcast(
            builder.apply(maps.everywhere, to: pooled), Axes(outer: x.batch, middle: outputs * inputs), into: weight)
        builder.broadcast(
            builder.apply(maps.perColumn, to: perColumn), Axes(outer: x.batch, middle: outputs, inner: inputs),
            into: weight)
        builder.broadcast(
            builder.apply(maps.perRow, to: perRow), Axes(outer: x.batch * outputs, middle: inputs), into: weight)
        builder.apply(maps.bias, to: perRow, into: bias)
        builder.broadcast(
            builder.apply(maps.biasEverywhere, to: pooled), Axes(outer: x.batch, middle: outputs), into: bias)
    }
}
