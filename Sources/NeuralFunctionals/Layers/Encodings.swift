import Engine
import Foundation
import Networks
import Tensors

/// y = [sin(2π x·B), cos(2π x·B)] for every token x (Tancik et al., arXiv 2006.10739). The frequencies B (channels,
/// count) are drawn from a normal distribution and never learned.
///
/// *Shapes:* `inputs` channels → 2 · count.
package struct GaussianFourierFeatures: WeightSpaceLayer {
    private let frequencies: Matrix
    /// Channels of the result: 2 · count.
    package let outputChannels: Int

    /// Reads the buffer `_B`, (inputs, count).
    /// - Parameters:
    ///   - inputs: channels of x.
    ///   - count: frequencies.
    ///   - scale: standard deviation of the frequencies of a new model.
    package init(_ parameters: ParameterScope, inputs: Int, count: Int, scale: Float = 3) {
        frequencies = parameters.buffer(
            "_B", [inputs, count], rows: inputs, columns: count, .normal(deviation: scale))
        outputChannels = 2 * count
    }

    /// *Shapes:* features with `inputs` channels → features with `outputChannels`.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: outputChannels, in: builder)
        if let source = x.tokens, let target = y.tokens {
            builder.fourierFeatures(source, frequencies: frequencies, kernelCount: 1, into: target)
            return y
        }
        for layer in 0..<x.spec.depth {
            builder.fourierFeatures(
                x.weights[layer], frequencies: frequencies, kernelCount: x.axes(layer).kernelCount,
                into: y.weights[layer])
            builder.fourierFeatures(x.biases[layer], frequencies: frequencies, kernelCount: 1, into: y.biases[layer])
        }
        return y
    }
}

/// Adds learned vectors to tokens, so that later layers can tell arrays, inputs and outputs apart (Zhou et al., arXiv
/// 2305.13546):
///
///     y.W_i[o, p] = W_i[o, p] + weight_emb[i], for i = 0 also + inp_emb[p], for the last i also + out_emb[o]
///     y.b_i[o]    = b_i[o] + bias_emb[i], for the last i also + out_emb[o]
///
/// *Shapes:* `channels` → `channels`.
package struct LearnedPosEmbedding: WeightSpaceLayer {
    /// (layers, channels), (layers, channels), (inputs, channels), (outputs, channels)
    private let weight: Matrix
    private let bias: Matrix
    private let input: Matrix
    private let output: Matrix

    /// Reads `weight_emb.weight` and `bias_emb.weight`, (layers, channels), `inp_emb.weight`, (inputs, channels), and
    /// `out_emb.weight`, (outputs, channels). With kernels, every position has the same vector.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        func table(_ name: String, _ rows: Int) -> Matrix {
            parameters.matrix("\(name)_emb.weight", rows: rows, columns: channels, .normal())
        }
        weight = table("weight", spec.depth)
        bias = table("bias", spec.depth)
        input = table("inp", spec.inputs)
        output = table("out", spec.outputs)
    }

    /// *Shapes:* features with `channels` channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        let last = x.spec.depth - 1
        for (source, target) in zip(x.blocks, y.blocks) { builder.copy(source, to: target) }
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, kernelCount) = x.axes(layer)
            func repeated(_ table: Matrix) -> Matrix { builder.repeatColumns(table, kernelCount) }
            // The vectors of one network are added up first, so that the batch is read and written once.
            let sum = builder.matrix(rows: outputs * inputs, columns: x.columns(of: .weight(layer)))
            builder.broadcast(
                repeated(weight.rows(layer..<layer + 1)), Axes(outer: 1, middle: outputs * inputs), into: sum,
                overwriting: true)
            if layer == 0 {
                builder.broadcast(repeated(input), Axes(outer: 1, middle: outputs, inner: inputs), into: sum)
            }
            if layer == last { builder.broadcast(repeated(output), Axes(outer: outputs, middle: inputs), into: sum) }
            builder.broadcast(sum, Axes(outer: 1, middle: x.batch, inner: sum.rows), into: y.weights[layer])

            let biasSum = builder.matrix(rows: outputs, columns: x.channels)
            builder.broadcast(
                bias.rows(layer..<layer + 1), Axes(outer: 1, middle: outputs), into: biasSum, overwriting: true)
            if layer == last { builder.add(output, to: biasSum) }
            builder.broadcast(biasSum, Axes(outer: 1, middle: x.batch, inner: outputs), into: y.biases[layer])
        }
        return y
    }
}

/// Appends channels with the position of a token: the sum of the sinusoidal codes of its layer, in W_0 of its input
/// neuron, and in the last weight and bias of its output neuron.
///
/// The code of position n of N is [sin(π f t), cos(π f t) for all frequencies f, and t], t = −1 + 2n / (N − 1), with
/// `bands` frequencies evenly spaced from 1 to `maximumFrequency` / 2. There are no parameters.
package struct IOSinusoidalEncoding: WeightSpaceLayer {
    private let maximumFrequency: Float
    private let bands: Int
    private let encodesLayers: Bool

    /// An encoding by 2 · bands + 1 channels.
    /// - Parameters:
    ///   - maximumFrequency: twice the highest frequency f.
    ///   - encodesLayers: whether the codes of layers are added; otherwise only those of inputs and outputs.
    package init(maximumFrequency: Float, bands: Int, encodesLayers: Bool) {
        self.maximumFrequency = maximumFrequency
        self.bands = bands
        self.encodesLayers = encodesLayers
    }

    /// Channels that are appended: 2 · bands + 1.
    package var addedChannels: Int { 2 * bands + 1 }

    /// *Shapes:* features with C channels → features with C + `addedChannels`.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(channels: x.channels + addedChannels, in: builder)
        let none = [Float](repeating: 0, count: addedChannels)
        let layerCodes = encodesLayers ? codes(x.spec.depth) : [[Float]](repeating: none, count: x.spec.depth)
        let inputCodes = codes(x.spec.inputs)
        let outputCodes = codes(x.spec.outputs)
        let last = x.spec.depth - 1
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, kernelCount) = x.axes(layer)
            var rows: [[Float]] = []
            for neuron in 0..<outputs {
                for source in 0..<inputs {
                    var code = layerCodes[layer]
                    if layer == 0 { code = zip(code, inputCodes[source]).map { $0 + $1 } }
                    if layer == last { code = zip(code, outputCodes[neuron]).map { $0 + $1 } }
                    rows.append(code.flatMap { [Float](repeating: $0, count: kernelCount) })
                }
            }
            append(rows, to: x.weights[layer], x.batch, into: y.weights[layer], in: builder)
            let biasRows = (0..<outputs).map { neuron in
                layer == last ? zip(layerCodes[layer], outputCodes[neuron]).map { $0 + $1 } : layerCodes[layer]
            }
            append(biasRows, to: x.biases[layer], x.batch, into: y.biases[layer], in: builder)
        }
        return y
    }

    private func append(_ rows: [[Float]], to x: Matrix, _ batch: Int, into y: Matrix, in builder: PlanBuilder) {
        builder.copy(x, to: y.columns(0..<x.columns))
        let constants = Matrix(rows: rows.count, columns: y.columns - x.columns, values: rows.flatMap { $0 })
        builder.broadcast(
            constants, Axes(outer: 1, middle: batch, inner: rows.count), into: y.columns(x.columns..<y.columns),
            overwriting: true)
    }

    /// The codes of `count` numbers.
    private func codes(_ count: Int) -> [[Float]] {
        let frequencies = linearSpace(1, maximumFrequency / 2, bands)
        return linearSpace(-1, 1, count).map { x in
            let angles = frequencies.map { x * $0 * Float(Double.pi) }
            return angles.map { Float(sin(Double($0))) } + angles.map { Float(cos(Double($0))) } + [x]
        }
    }
}

/// y.W_i = s_i · W_i and y.b_i = t_i · b_i, with learned numbers s_i, t_i for every array.
package struct LearnedScale: WeightSpaceLayer {
    private let weights: [Matrix]
    private let biases: [Matrix]

    /// Reads `weight_scales.i` and `bias_scales.i`, of shape [] each.
    /// - Parameter initial: their value in a new model.
    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, initial: Float = 1) {
        func factors(_ name: String) -> [Matrix] {
            spec.layers.indices.map { parameters.scope(name).scalar(String($0), .constant(initial)) }
        }
        weights = factors("weight_scales")
        biases = factors("bias_scales")
    }

    /// *Shapes:* features with any number of channels → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for layer in 0..<x.spec.depth {
            builder.scale(x.weights[layer], by: weights[layer], into: y.weights[layer])
            builder.scale(x.biases[layer], by: biases[layer], into: y.biases[layer])
        }
        return y
    }
}
