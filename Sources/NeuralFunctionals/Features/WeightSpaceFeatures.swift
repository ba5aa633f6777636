import Engine
import Networks
import Tensors

/// Features of a batch of networks: for every weight and bias entry a token with channels.
///
/// *Shapes:* `weights[i]` (batch·outputs·inputs, channels·k) where k is the kernel's size and column
/// channel·k + position; `biases[i]` (batch·outputs, channels). Rows are network-major, as PyTorch orders the entries.
package struct WeightSpaceFeatures: Sendable {
    package let spec: NetworkSpec
    package let batch: Int
    package let channels: Int
    package let weights: [Matrix]
    package let biases: [Matrix]
    /// All tokens as one matrix, array after array (w0, b0, w1, …); nil where kernels make their widths differ.
    package let tokens: Matrix?

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

    /// Features of the same shape with memory of their own, all zero.
    package func standalone() -> WeightSpaceFeatures {
        func own(_ matrix: Matrix) -> Matrix { Matrix(zeros: matrix.rows, matrix.columns) }
        return WeightSpaceFeatures(
            spec, batch: batch, channels: channels, weights: weights.map(own), biases: biases.map(own), tokens: nil)
    }

    /// The gradients of these features, after the plan was differentiated.
    package func gradients(in builder: PlanBuilder) -> WeightSpaceFeatures {
        WeightSpaceFeatures(
            spec, batch: batch, channels: channels, weights: weights.map(builder.gradient),
            biases: biases.map(builder.gradient), tokens: tokens.map(builder.gradient))
    }

    /// Every array, w0, b0, w1, b1, …
    package var arrays: [Matrix] { zip(weights, biases).flatMap { [$0, $1] } }

    /// Matrices that together hold every token once, as few as the layout allows.
    package var blocks: [Matrix] { tokens.map { [$0] } ?? arrays }

    /// New features of the same networks.
    package func like(channels: Int? = nil, in builder: PlanBuilder) -> WeightSpaceFeatures {
        WeightSpaceFeatures(spec, batch: batch, channels: channels ?? self.channels, in: builder)
    }

    /// The rows of weight `layer` read as (network, output, input).
    package func axes(_ layer: Int) -> (outputs: Int, inputs: Int, kernelCount: Int) {
        let shape = spec.layers[layer]
        return (shape.outputs, shape.inputs, shape.kernelCount)
    }

    /// Mean of weight `layer` over its outputs: a row for every network and input neuron.
    func meanOverOutputs(_ layer: Int, into y: Matrix, in builder: PlanBuilder) {
        let (outputs, inputs, _) = axes(layer)
        builder.mean(weights[layer], Axes(outer: batch, middle: outputs, inner: inputs), into: y)
    }

    /// Mean of weight `layer` over its inputs: a row for every network and output neuron.
    func meanOverInputs(_ layer: Int, into y: Matrix, in builder: PlanBuilder) {
        let (outputs, inputs, _) = axes(layer)
        builder.mean(weights[layer], Axes(outer: batch * outputs, middle: inputs), into: y)
    }

    /// Means over all entries of each array, one row a network: all weights' channels, then all biases'.
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

/// One of a network's arrays.
package enum ArrayIndex: Hashable, Sendable {
    case weight(Int)
    case bias(Int)
}

/// Hands out neighbouring column ranges of a matrix: concatenation without copies.
struct ColumnCursor {
    private let matrix: Matrix
    private var next = 0

    init(_ matrix: Matrix) { self.matrix = matrix }

    mutating func take(_ count: Int) -> Matrix {
        defer { next += count }
        return matrix.columns(next..<next + count)
    }
}
