import Engine
import Foundation
import Networks
import Tensors

/// [sin(2π x·B), cos(2π x·B)] on channels; B is a buffer drawn once.
package struct GaussianFourierFeatures: WeightSpaceLayer {
    private let frequencies: Matrix

    package init(_ parameters: ParameterScope, inputs: Int, count: Int) {
        frequencies = Matrix(rows: inputs, columns: count, values: parameters.tensor("_B", [inputs, count]).values)
    }

    package var outputChannels: Int { 2 * frequencies.columns }

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

/// A learned vector for each layer's weights, another for its biases, and one for every input and output neuron.
package struct LearnedPosEmbedding: WeightSpaceLayer {
    private let channels: Int
    private let weight: Tensor
    private let bias: Tensor
    private let input: Tensor
    private let output: Tensor

    package init(_ parameters: ParameterScope, _ spec: NetworkSpec, channels: Int) {
        self.channels = channels
        weight = parameters.tensor("weight_emb.weight", [spec.depth, channels])
        bias = parameters.tensor("bias_emb.weight", [spec.depth, channels])
        input = parameters.tensor("inp_emb.weight", [spec.inputs, channels])
        output = parameters.tensor("out_emb.weight", [spec.outputs, channels])
    }

    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        let last = x.spec.depth - 1
        for (source, target) in zip(x.blocks, y.blocks) { builder.copy(source, to: target) }
        for layer in 0..<x.spec.depth {
            let (outputs, inputs, kernelCount) = x.axes(layer)
            let layerRow = row(weight, layer, kernelCount)
            let perInput = layer == 0 ? (0..<inputs).map { row(input, $0, kernelCount) } : nil
            let perOutput = layer == last ? (0..<outputs).map { row(output, $0, kernelCount) } : nil
            var values: [Float] = []
            values.reserveCapacity(outputs * inputs * layerRow.count)
            for neuron in 0..<outputs {
                for source in 0..<inputs {
                    values += sum(layerRow, perInput?[source], perOutput?[neuron])
                }
            }
            broadcast(values, rows: outputs * inputs, x.batch, to: y.weights[layer], in: builder)
            let biasValues = (0..<outputs).flatMap { neuron in
                sum(row(bias, layer, 1), layer == last ? row(output, neuron, 1) : nil, nil)
            }
            broadcast(biasValues, rows: outputs, x.batch, to: y.biases[layer], in: builder)
        }
        return y
    }

    private func row(_ table: Tensor, _ index: Int, _ kernelCount: Int) -> [Float] {
        table.values[index * channels..<(index + 1) * channels].flatMap {
            [Float](repeating: $0, count: kernelCount)
        }
    }

    private func sum(_ base: [Float], _ others: [Float]?...) -> [Float] {
        others.compactMap { $0 }.reduce(base) { total, other in zip(total, other).map { $0 + $1 } }
    }

    private func broadcast(_ values: [Float], rows: Int, _ batch: Int, to y: Matrix, in builder: PlanBuilder) {
        builder.broadcast(
            Matrix(rows: rows, columns: y.columns, values: values), Axes(outer: 1, middle: batch, inner: rows), into: y)
    }
}

/// Appends the sinusoidal codes of the layer number, the input index and the output index, summed, as channels.
package struct IOSinusoidalEncoding: WeightSpaceLayer {
    private let maximumFrequency: Float
    private let bands: Int
    private let encodesLayers: Bool

    package init(maximumFrequency: Float, bands: Int, encodesLayers: Bool) {
        self.maximumFrequency = maximumFrequency
        self.bands = bands
        self.encodesLayers = encodesLayers
    }

    package var addedChannels: Int { 2 * bands + 1 }

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

    /// [sin…, cos…, x] of `count` points on linspace(−1, 1).
    private func codes(_ count: Int) -> [[Float]] {
        let frequencies = linearSpace(1, maximumFrequency / 2, bands)
        return linearSpace(-1, 1, count).map { x in
            let angles = frequencies.map { x * $0 * Float(Double.pi) }
            return angles.map { Float(sin(Double($0))) } + angles.map { Float(cos(Double($0))) } + [x]
        }
    }
}

/// One learned factor for every array.
package struct LearnedScale: WeightSpaceLayer {
    private let weights: [Float]
    private let biases: [Float]

    package init(_ parameters: ParameterScope, _ spec: NetworkSpec) {
        weights = spec.layers.indices.map { parameters.scope("weight_scales").tensor(String($0), []).values[0] }
        biases = spec.layers.indices.map { parameters.scope("bias_scales").tensor(String($0), []).values[0] }
    }

    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for (source, target) in zip(x.blocks, y.blocks) { builder.copy(source, to: target) }
        for layer in 0..<x.spec.depth {
            builder.scale(y.weights[layer], by: weights[layer])
            builder.scale(y.biases[layer], by: biases[layer])
        }
        return y
    }
}
