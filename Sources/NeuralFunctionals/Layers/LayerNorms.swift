import Engine
import Networks
import Tensors

/// y = (x − mean) / (std + 1e-5) · gamma + beta for every token x: mean and unbiased standard deviation are those of
/// the token over its channels and kernel positions. Every array has its own gamma and beta. The reference's
/// `SimpleLayerNorm`.
package struct SimpleLayerNorm: WeightSpaceLayer {
    private let weightNorms: [Normalization]
    private let biasNorms: [Normalization]

    /// Reads `w_norms.i.gamma`, `w_norms.i.beta`, (channels · k), and `v_norms.i.…`, (channels), for every layer i.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        func norm(_ name: String, _ index: Int, _ count: Int) -> Normalization {
            let scope = parameters.scope(name).scope(index)
            return scope.norm(.unbiased, gamma: "gamma", beta: "beta", [count])
        }
        weightNorms = spec.layers.enumerated().map { norm("w_norms", $0, channels * $1.kernelCount) }
        biasNorms = spec.layers.indices.map { norm("v_norms", $0, channels) }
    }

    /// One for each array, w0, b0, w1, b1, …
    var norms: [Normalization] { zip(weightNorms, biasNorms).flatMap { [$0, $1] } }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for ((source, target), norm) in zip(zip(x.arrays, y.arrays), norms) {
            builder.normalize(source, norm, into: target)
        }
        return y
    }
}

/// y = (x − mean) / √(variance + 1e-5) · gamma + beta, where x is a vector of channels × those neurons that may not be
/// permuted: for W_0 a row W_0[o, :] of all inputs, for the last weight a column W_l[:, p] of all outputs, for the last
/// bias all its entries; for other arrays a single token. Mean and variance (divided by n) are those of the vector. The
/// reference's `ParamLayerNorm`.
///
/// Fully connected networks only.
package struct ParamLayerNorm: WeightSpaceLayer {
    private let weightNorms: [Normalization]
    private let biasNorms: [Normalization]

    /// Reads `weight` and `bias` of `norm0_w`, `norm0_v`, `norm1_w`, …, one pair of scopes for each layer.
    /// - Parameter spec: fully connected.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        /// Parameters that the reference orders channel-major, in this engine's neuron-major order.
        func folded(_ scope: ParameterScope, neurons: Int) -> Normalization {
            scope.norm(
                .standard, gamma: "weight", beta: "bias", [channels, neurons],
                order: { transposedOrder(outer: channels, inner: neurons) })
        }
        func neuronMajor(_ scope: ParameterScope, neurons: Int) -> Normalization {
            scope.norm(.standard, gamma: "weight", beta: "bias", [neurons, channels])
        }
        let last = spec.depth - 1
        weightNorms = spec.layers.indices.map { index in
            let scope = parameters.scope("norm\(index)_w")
            if index == 0 { return folded(scope, neurons: spec.inputs) }
            return index == last ? neuronMajor(scope, neurons: spec.outputs) : scope.layerNorm(channels)
        }
        biasNorms = spec.layers.indices.map { index in
            let scope = parameters.scope("norm\(index)_v")
            return index == last && index > 0 ? folded(scope, neurons: spec.outputs) : scope.layerNorm(channels)
        }
    }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        let last = x.spec.depth - 1
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, _) = x.axes(layer)
            let (source, target) = (x.weights[layer], y.weights[layer])
            if layer == 0 {
                func byRow(_ matrix: Matrix) -> Matrix {
                    matrix.reshaped(rows: x.batch * outputs, columns: inputs * x.channels)
                }
                builder.normalize(byRow(source), weightNorms[layer], into: byRow(target))
            } else if layer == last {
                let swapped = builder.matrix(rows: source.rows, columns: x.channels)
                builder.swapAxes(source, Axes(outer: x.batch, middle: outputs, inner: inputs), into: swapped)
                let byColumn = swapped.reshaped(rows: x.batch * inputs, columns: outputs * x.channels)
                let normed = builder.normalize(byColumn, weightNorms[layer])
                builder.swapAxes(
                    normed.reshaped(rows: source.rows, columns: x.channels),
                    Axes(outer: x.batch, middle: inputs, inner: outputs), into: target)
            } else {
                builder.normalize(source, weightNorms[layer], into: target)
            }
            normalizeBias(x.biases[layer], layer, isLast: layer == last && layer > 0, x, into: y, in: builder)
        }
        return y
    }

    private func normalizeBias(
        _ bias: Matrix, _ layer: Int, isLast: Bool, _ x: WeightSpaceFeatures, into y: WeightSpaceFeatures,
        in builder: PlanBuilder
    ) {
        func whole(_ matrix: Matrix) -> Matrix {
            isLast ? matrix.reshaped(rows: x.batch, columns: x.spec.outputs * x.channels) : matrix
        }
        builder.normalize(whole(bias), biasNorms[layer], into: whole(y.biases[layer]))
    }
}
