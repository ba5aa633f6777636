import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// Settings of a classifier that evaluates the INR.
package struct ProbeConfiguration: Sendable {
    package enum Head: Sendable {
        /// Fully connected layers of these widths.
        case dense([Int])
        /// A picture network over a grid of probes: channels of its stages, each half as fine as the one before.
        case convolutional([Int], blocks: Int)
    }

    /// Rows and columns of a grid of probes; nil for probes anywhere.
    package let grid: (height: Int, width: Int)?
    package let probes: Int
    package let head: Head
    package let classes: Int
    /// Whether the coordinates of the probes are parameters; otherwise they are stored with the model as they are.
    package let learnsCoordinates: Bool

    package init(_ settings: Settings) throws(SettingError) {
        let extents = try settings.optionalInts("grid", in: 4...128, count: 2...2)
        grid = extents.map { ($0[0], $0[1]) }
        probes =
            if let extents { extents[0] * extents[1] } else { try settings.int("n_probes", in: SettingBounds.extent) }
        switch try settings.choice("head", default: HeadKind.dense) {
        case .dense:
            head = .dense(try settings.ints("hidden", in: SettingBounds.extent, count: 1...8))
        case .convolutional:
            guard extents != nil else { throw settings.error("head", "'conv' needs a 'grid' of probes") }
            head = .convolutional(
                try settings.ints("channels", in: SettingBounds.extent, count: 1...8),
                blocks: try settings.int("num_blocks", in: SettingBounds.depth))
        }
        classes = try settings.int("n_classes", in: SettingBounds.extent)
        learnsCoordinates = try settings.bool("learned_places", default: extents == nil)
    }

    private enum HeadKind: String, CaseIterable {
        case dense
        case convolutional = "conv"
    }
}

/// Evaluates an INR at learned or fixed coordinates and classifies the values: exact under every symmetry of the weights,
/// whatever the hidden widths and depth (the idea of probing: Kofinas et al., arXiv 2403.12143; Kahana et al., 2410.10811).
package struct ProbeClassifier: Model {
    package static let type = "ProbeClassifier"

    package let configuration: ProbeConfiguration
    private let omega0: Float
    /// (probes, inputs)
    private let coordinates: Matrix
    private let head: Head

    private enum Head: Sendable {
        case dense([AffineMap])
        case convolutional(ConvolutionalHead)
    }

    package init(
        _ parameters: ParameterScope, _ configuration: ProbeConfiguration, spec: NetworkSpec, omega0: Float
    ) throws(ModelError) {
        guard spec.isFullyConnected else { throw ModelError("probes read fully connected networks only") }
        guard configuration.grid == nil || spec.inputs == 2 else {
            throw ModelError("a grid of probes needs networks of 2 inputs, received \(spec.inputs)")
        }
        if let grid = configuration.grid, case .convolutional(let channels, _) = configuration.head {
            // Every stage but the first halves the grid, rounded down.
            let stages = channels.count
            guard min(grid.height, grid.width) >> (stages - 1) > 0 else {
                throw ModelError(
                    "channels: \(stages) stages halve a grid of \(grid.height) × \(grid.width) \(stages - 1) times, to nothing; use fewer stages or a finer grid"
                )
            }
        }
        self.configuration = configuration
        self.omega0 = omega0
        let (count, inputs) = (configuration.probes, spec.inputs)
        let initial =
            configuration.grid.map {
                Initialization.values(CoordinateGrid(height: $0.height, width: $0.width).coordinates)
            }
            ?? .uniform(bound: 1)
        coordinates =
            configuration.learnsCoordinates
            ? parameters.matrix("places", rows: count, columns: inputs, initial)
            : parameters.buffer("places", [count, inputs], rows: count, columns: inputs, initial)
        switch configuration.head {
        case .dense(let hidden):
            let sizes = [count * spec.outputs] + hidden + [configuration.classes]
            head = .dense(
                sizes.indices.dropLast().map { index in
                    parameters.scope("head").scope(2 * index).affine(inputs: sizes[index], outputs: sizes[index + 1])
                })
        case .convolutional(let channels, let blocks):
            head = .convolutional(
                ConvolutionalHead(
                    parameters.scope("head"), inputs: spec.outputs, channels: channels, blocks: blocks,
                    classes: configuration.classes))
        }
    }

    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let configuration = try ProbeConfiguration(settings)
        let input = assembly.input
        self = try assembly.module(settings) { parameters in
            try ProbeClassifier(
                parameters, configuration, spec: input.spec, omega0: Float(input.transform.omega0))
        }
    }

    package var outputs: [OutputDescription] { [OutputDescription(.classes, [configuration.classes])] }

    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let logits = self(pass.weights, mix: pass.mixed, in: pass.builder)
        return try outputs.map { output throws(ModelError) in
            guard output == .classes else { throw Self.notOffered(output) }
            return .classes(RecordedClasses("probes", logits))
        }
    }

    /// - Parameter mix: changes the values before they are classified, for training.
    ///
    /// *Shapes:* raw single-channel features of `batch` networks → logits (batch, classes).
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: (Matrix) -> Matrix = { $0 }, in builder: PlanBuilder
    ) -> Matrix {
        let parameters = x.arrays.map { $0.reshaped(rows: x.batch, columns: $0.count / x.batch) }
        let values = builder.matrix(rows: x.batch * coordinates.rows, columns: x.spec.outputs)
        builder.evaluateSines(
            parameters, sizes: x.spec.sizes, omega0: omega0, at: coordinates, batch: x.batch, into: values)
        return classify(mix(values), batch: x.batch, in: builder)
    }

    package var probeCoordinates: Matrix? { coordinates }

    package func recordClasses(
        ofValues values: Matrix, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedClasses {
        RecordedClasses("probes", classify(values, batch: 1, in: builder))
    }

    /// *Shapes:* values (batch·probes, outputs) → logits (batch, classes).
    private func classify(_ values: Matrix, batch: Int, in builder: PlanBuilder) -> Matrix {
        switch head {
        case .dense(let maps):
            let rows = values.reshaped(rows: batch, columns: coordinates.rows * values.columns)
            return maps.enumerated().reduce(rows) { input, step in
                let y = builder.apply(step.element, to: input)
                if step.offset < maps.count - 1 { builder.activate(y, .gelu) }
                return y
            }
        case .convolutional(let network):
            let grid = configuration.grid ?? (1, coordinates.rows)
            return network(
                PixelRows(matrix: values, height: grid.height, width: grid.width), batch: batch, in: builder)
        }
    }
}

/// Stages of residual convolution blocks, a mean over the last grid, and class logits.
private struct ConvolutionalHead: Sendable {
    private let stem: Convolution
    private let stages: [Stage]
    private let norm: Normalization
    private let output: AffineMap

    private struct Stage: Sendable {
        /// Halves the grid.
        let reduce: Convolution?
        let norm: Normalization
        let blocks: [ConvolutionBlock]
    }

    init(_ parameters: ParameterScope, inputs: Int, channels: [Int], blocks: Int, classes: Int) {
        stem = Convolution(parameters.scope("stem"), inputs: inputs, outputs: channels[0], side: 3, margin: 1)
        stages = channels.indices.map { index in
            let scope = parameters.scope("stages").scope(index)
            return Stage(
                reduce: index == 0
                    ? nil
                    : Convolution(
                        scope.scope("reduce"), inputs: channels[index - 1], outputs: channels[index], side: 2, step: 2),
                norm: scope.scope("norm").layerNorm(channels[index]),
                // The first grid is the finest and the dearest; its one job is to be reduced.
                blocks: (0..<(index == 0 ? 0 : blocks)).map {
                    ConvolutionBlock(scope.scope("blocks").scope($0), channels: channels[index])
                })
        }
        let last = channels[channels.count - 1]
        norm = parameters.scope("norm").layerNorm(last)
        output = parameters.scope("linear").affine(inputs: last, outputs: classes)
    }

    func callAsFunction(_ x: PixelRows, batch: Int, in builder: PlanBuilder) -> Matrix {
        let first = stem(x.matrix, height: x.height, width: x.width, in: builder)
        let y = stages.reduce(first) { pixels, stage in
            let coarse =
                stage.reduce.map { $0(pixels.matrix, height: pixels.height, width: pixels.width, in: builder) }
                ?? pixels
            let normed = builder.normalize(coarse.matrix, stage.norm)
            if stage.reduce == nil { builder.activate(normed, .gelu) }
            let start = PixelRows(matrix: normed, height: coarse.height, width: coarse.width)
            return stage.blocks.reduce(start) { $1($0, in: builder) }
        }
        let mean = builder.matrix(rows: batch, columns: y.matrix.columns)
        builder.mean(y.matrix, Axes(outer: batch, middle: y.height * y.width), into: mean)
        return builder.apply(output, to: builder.normalize(mean, norm))
    }
}
