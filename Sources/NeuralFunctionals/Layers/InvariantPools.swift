import Engine
import Networks

/// Pools the features of each network into one vector that does not change when hidden neurons are permuted.
///
/// *Shape of the result:* (batch, channels · `pieces`), channel-major: PyTorch's (B, C, pieces) flattened.
package enum InvariantPool: Sendable {
    /// The mean over all entries of every array, for each kernel position.
    case np
    /// Means over hidden neurons only: the first weight is averaged over its outputs, the last over its inputs, other
    /// weights over both, biases but the last over their entries; the last bias is kept entry by entry.
    case hnp
    /// Mean, unbiased variance and the quantiles 0, ¼, ½, ¾, 1 of every array (Unterthiner et al., arXiv 2002.11448).
    case statistics

    /// Elements of the result for each channel. With l + 1 layers and k_i positions of kernel i they are
    /// - `np`: Σ (k_i + 1);
    /// - `hnp`, for l > 0: inputs · k_0 + k_1 + … + k_{l−1} + outputs · k_l for weights, l + outputs for biases;
    /// - `statistics`: 14 · (l + 1).
    package func pieces(_ spec: NetworkSpec) -> Int {
        switch self {
        case .np: spec.layers.reduce(0) { $0 + $1.kernelCount + 1 }
        case .hnp:
            spec.layers.indices.reduce(0) {
                $0 + groups(spec, $1).weight * spec.layers[$1].kernelCount + groups(spec, $1).bias
            }
        case .statistics: 14 * spec.depth
        }
    }

    /// *Shapes:* features with C channels → (batch, C · `pieces`).
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let pieces = pieces(x.spec)
        let y = builder.matrix(rows: x.batch, columns: x.channels * pieces)
        var first = 0
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, kernelCount) = x.axes(layer)
            if case .statistics = self {
                builder.statistics(
                    x.weights[layer], batch: x.batch, kernelCount: kernelCount, pieces: pieces, first: first, into: y)
                builder.statistics(
                    x.biases[layer], batch: x.batch, kernelCount: 1, pieces: pieces, first: first + 7, into: y)
                first += 14
                continue
            }
            let count = groups(x.spec, layer)
            let weight = builder.matrix(rows: x.batch * count.weight, columns: x.weights[layer].columns)
            if keepsInputs(layer) {
                x.meanOverOutputs(layer, into: weight, in: builder)
            } else if keepsOutputs(x.spec, layer) {
                x.meanOverInputs(layer, into: weight, in: builder)
            } else {
                builder.mean(x.weights[layer], Axes(outer: x.batch, middle: outputs * inputs), into: weight)
            }
            builder.placePooled(
                weight, groups: count.weight, kernelCount: kernelCount, pieces: pieces, first: first, into: y)
            first += count.weight * kernelCount
            let bias = builder.matrix(rows: x.batch * count.bias, columns: x.channels)
            builder.mean(
                x.biases[layer], Axes(outer: x.batch * count.bias, middle: outputs / count.bias), into: bias)
            builder.placePooled(bias, groups: count.bias, kernelCount: 1, pieces: pieces, first: first, into: y)
            first += count.bias
        }
        return y
    }

    private func keepsInputs(_ layer: Int) -> Bool {
        if case .hnp = self { return layer == 0 }
        return false
    }

    private func keepsOutputs(_ spec: NetworkSpec, _ layer: Int) -> Bool {
        if case .hnp = self { return layer == spec.depth - 1 && layer > 0 }
        return false
    }

    /// How many means are kept of a layer's weight (per kernel position) and of its bias.
    private func groups(_ spec: NetworkSpec, _ layer: Int) -> (weight: Int, bias: Int) {
        guard case .hnp = self else { return (1, 1) }
        let bias = layer == spec.depth - 1 ? spec.outputs : 1
        if layer == 0 { return (spec.inputs, bias) }
        return (layer == spec.depth - 1 ? spec.outputs : 1, bias)
    }
}
