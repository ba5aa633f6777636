import Engine
import Networks
import Tensors

/// Features of a batch of networks of one shape: every entry of a weight or bias has a token, a row of channels. Raw
/// weights are features of one channel.
///
/// *Shapes:* `weights[i]` (batch·outputs·inputs, channels·k) for a kernel of k positions, column = channel · k +
/// position; `biases[i]` (batch·outputs, channels). Rows are ordered by network, then output, then input.
///
/// Layers are counted from 0 everywhere, as in the reference's state dicts (its papers count from 1): arrays are w0,
/// b0, w1, b1, …, which formulas write W_0, b_0, W_1, b_1, …
package struct WeightSpaceFeatures: Sendable {
    /// The layer shapes of the networks: the same for all networks of the batch.
    package let spec: NetworkSpec
    /// The number of networks.
    package let batch: Int
    /// Channels of a token; with a kernel, of each of its positions.
    package let channels: Int
    /// W_0, W_1, …: (batch·outputs·inputs, channels·k) each.
    package let weights: [Matrix]
    /// b_0, b_1, …: (batch·outputs, channels) each.
    package let biases: [Matrix]
    /// All tokens as one matrix, w0 of all networks, then b0 of all networks, w1, …; nil where some tokens have more
    /// columns because of a kernel.
    package let tokens: Matrix?

    /// New features in a plan's memory, to be written by steps or, as inputs, by the caller.
    package init(_ spec: NetworkSpec, batch: Int, channels: Int, in builder: PlanBuilder) {
        self.spec = spec
        self.batch = batch
        self.channels = channels
        if spec.isFullyConnected {
            let tokens = builder.matrix(rows: batch * spec.parameterCount, columns: channels)
            var first = 0
            func take(_ count: Int) -> Matrix {
                defer { first += batch * count }
                return tokens.rows(first..<first + batch * count)
            }
            let arrays = spec.layers.map { (take($0.outputs * $0.inputs), take($0.outputs)) }
            weights = arrays.map(\.0)
            biases = arrays.map(\.1)
            self.tokens = tokens
        } else {
            weights = spec.layers.map {
                builder.matrix(rows: batch * $0.outputs * $0.inputs, columns: channels * $0.kernelCount)
            }
            biases = spec.layers.map { builder.matrix(rows: batch * $0.outputs, columns: channels) }
            tokens = nil
        }
    }

    private init(
        _ spec: NetworkSpec, batch: Int, channels: Int, weights: [Matrix], biases: [Matrix], tokens: Matrix?
    ) {
        self.spec = spec
        self.batch = batch
        self.channels = channels
        self.weights = weights
        self.biases = biases
        self.tokens = tokens
    }

    /// Features of the same shapes, all zeros, whose memory belongs to no plan.
    package func standalone() -> WeightSpaceFeatures {
        func own(_ matrix: Matrix) -> Matrix { Matrix(zeros: matrix.rows, matrix.columns) }
        return WeightSpaceFeatures(
            spec, batch: batch, channels: channels, weights: weights.map(own), biases: biases.map(own), tokens: nil)
    }

    /// The gradients of these features, which must be tracked; after `PlanBuilder.differentiate`.
    package func gradients(in builder: PlanBuilder) -> WeightSpaceFeatures {
        WeightSpaceFeatures(
            spec, batch: batch, channels: channels, weights: weights.map(builder.gradient),
            biases: biases.map(builder.gradient), tokens: tokens.map(builder.gradient))
    }

    /// All arrays: w0, b0, w1, b1, …
    package var arrays: [Matrix] { zip(weights, biases).flatMap { [$0, $1] } }

    /// The fewest matrices that together have every token once: `tokens`, or all arrays.
    package var blocks: [Matrix] { tokens.map { [$0] } ?? arrays }

    /// New features in the memory of a plan, for as many networks of the same shapes; with as many channels as these
    /// where `channels` is nil.
    package func like(channels: Int? = nil, in builder: PlanBuilder) -> WeightSpaceFeatures {
        WeightSpaceFeatures(spec, batch: batch, channels: channels ?? self.channels, in: builder)
    }

    /// Extents of weight `layer`: its rows are indexed (network, output, input), and its kernel has `kernelCount`
    /// positions.
    package func axes(_ layer: Int) -> (outputs: Int, inputs: Int, kernelCount: Int) {
        let shape = spec.layers[layer]
        return (shape.outputs, shape.inputs, shape.kernelCount)
    }

    /// The mean of weight `layer` over its outputs. *Shape:* y (batch·inputs, channels·k).
    func meanOverOutputs(_ layer: Int, into y: Matrix, in builder: PlanBuilder) {
        let (outputs, inputs, _) = axes(layer)
        builder.mean(weights[layer], Axes(outer: batch, middle: outputs, inner: inputs), into: y)
    }

    /// The mean of weight `layer` over its inputs. *Shape:* y (batch·outputs, channels·k).
    func meanOverInputs(_ layer: Int, into y: Matrix, in builder: PlanBuilder) {
        let (outputs, inputs, _) = axes(layer)
        builder.mean(weights[layer], Axes(outer: batch * outputs, middle: inputs), into: y)
    }

    /// The means over all entries of each array, all weights' and then all biases', as consecutive columns. *Shape:* a
    /// row for every network.
    func means(into cursor: inout ColumnCursor, in builder: PlanBuilder) {
        for array in arraysByKind {
            let place = cursor.take(columns(of: array))
            switch array {
            case .weight(let layer):
                let (outputs, inputs, _) = axes(layer)
                builder.mean(weights[layer], Axes(outer: batch, middle: outputs * inputs), into: place)
            case .bias(let layer):
                builder.mean(biases[layer], Axes(outer: batch, middle: axes(layer).outputs), into: place)
            }
        }
    }
}

/// One of a network's arrays, by its layer from 0.
package enum ArrayIndex: Hashable, Sendable {
    case weight(Int)
    case bias(Int)
}

/// Takes consecutive ranges of a matrix's columns, so that steps write the parts of a concatenation directly.
package struct ColumnCursor {
    private let matrix: Matrix
    private var next = 0

    /// A cursor at the first column.
    package init(_ matrix: Matrix) { self.matrix = matrix }

    /// A view of the next `count` columns. Traps where the matrix has fewer left.
    package mutating func take(_ count: Int) -> Matrix {
        defer { next += count }
        return matrix.columns(next..<next + count)
    }
}
