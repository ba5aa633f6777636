import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// Settings of a `ProbeClassifier`.
package struct ProbeConfiguration: Sendable {
    /// How the values at the probes become logits.
    package enum Head: Sendable {
        /// `dense`: an MLP with GELU, whose hidden layers have these widths (`hidden`).
        case dense([Int])
        /// `conv`: a convolutional network over a grid of probes, with the channels of its first convolution and of each
        /// stage (`channels`). Every stage halves the rows and columns, rounded down; `num_blocks` are the numbers of
        /// residual blocks of the stages (`ConvolutionalHead`).
        case convolutional([Int], blocks: [Int])
    }

    /// `grid`: rows and columns of a regular grid of probes; nil for `n_probes` coordinates without an order.
    package let grid: (height: Int, width: Int)?
    /// Coordinates at which a network is evaluated: `n_probes`, or those of the grid.
    package let probes: Int
    /// `head`, by default `dense`.
    package let head: Head
    /// `n_classes`.
    package let classes: Int
    /// `learned_places`, by default true without a `grid`: whether the coordinates of the probes are parameters;
    /// otherwise they are a buffer.
    package let learnsCoordinates: Bool
    /// `mirrored`, by default false: whether the picture with left and right exchanged is classified, too, and the logits
    /// of both averaged. At twice the cost.
    package let isMirrored: Bool

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
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
            let channels = try settings.ints("channels", in: SettingBounds.extent, count: 1...8)
            let stages = channels.count - 1
            head = .convolutional(
                channels, blocks: try settings.ints("num_blocks", in: SettingBounds.depth, count: stages...stages))
        }
        classes = try settings.int("n_classes", in: SettingBounds.extent)
        learnsCoordinates = try settings.bool("learned_places", default: extents == nil)
        isMirrored = try settings.bool("mirrored", default: false)
        guard !isMirrored || (extents != nil && !learnsCoordinates) else {
            throw settings.error("mirrored", "expected a 'grid' of probes that are not learned")
        }
    }

    private enum HeadKind: String, CaseIterable {
        case dense
        case convolutional = "conv"
    }
}

extension ProbeConfiguration {
    /// What the parameters reveal: all but `grid`, `learned_places` and `mirrored`.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let head = file.scope("head")
        guard head.scope("stem").isPresent else {
            let widths = head.indices.compactMap { head.extent("\($0).weight", 0) }
            return members(
                ("n_probes", .count(file.extent("places", 0))), ("head", .string(HeadKind.dense.rawValue)),
                ("hidden", widths.count > 1 ? .counts(widths.dropLast()) : nil), ("n_classes", .count(widths.last)))
        }
        return members(("head", .string(HeadKind.convolutional.rawValue))) + ConvolutionalHead.revealed(head)
    }
}

/// Evaluates an INR at learned or fixed coordinates (probes) and classifies the values. Its logits depend on the
/// function alone that the INR computes, so no symmetry of the weights changes them beyond rounding, and it reads any
/// hidden widths and depth. (Kofinas et al., arXiv 2403.12143; Kahana et al., arXiv 2410.10811.)
package struct ProbeClassifier: Model {
    package static let type = "ProbeClassifier"

    /// The settings that it was built from.
    package let configuration: ProbeConfiguration
    private let omega0: Float
    /// (probes, inputs); where the model is mirrored those of the mirror image follow.
    private let coordinates: Matrix
    private let head: Head

    private enum Head: Sendable {
        case dense([AffineMap])
        case convolutional(ConvolutionalHead)
    }

    /// Reads `places`, (probes, inputs), and `head.…`.
    /// - Parameters:
    ///   - spec: shapes of the networks, of which only inputs and outputs matter.
    ///   - omega0: ω₀ of the networks, in radians for each unit of a layer's output.
    ///   - columnInput: the input that tells left from right; the other tells top from bottom.
    /// - Throws: `ModelError` where the networks have kernels, a grid is asked for other than 2 inputs, or the stages
    ///   halve the grid to nothing.
    package init(
        _ parameters: ParameterScope, _ configuration: ProbeConfiguration, spec: NetworkSpec, omega0: Float,
        columnInput: Int = 1
    ) throws(ModelError) {
        guard spec.isFullyConnected else { throw ModelError("probes read fully connected networks only") }
        guard configuration.grid == nil || spec.inputs == 2 else {
            throw ModelError("a grid of probes needs networks of 2 inputs, received \(spec.inputs)")
        }
        if let grid = configuration.grid, case .convolutional(let channels, _) = configuration.head {
            // Every stage halves the grid, rounded down.
            let stages = channels.count - 1
            guard min(grid.height, grid.width) >> stages > 0 else {
                throw ModelError(
                    "channels: \(stages) stages halve a grid of \(grid.height) × \(grid.width) to nothing; use fewer stages or a finer grid"
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
        let places =
            configuration.learnsCoordinates
            ? parameters.matrix("places", rows: count, columns: inputs, initial)
            : parameters.buffer("places", [count, inputs], rows: count, columns: inputs, initial)
        coordinates = configuration.isMirrored ? Self.mirrored(places, columnInput) : places
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

    /// Members of the node: `file` and those of `ProbeConfiguration`.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let input = assembly.input
        self = try assembly.module(settings, revealing: ProbeConfiguration.revealed) { parameters in
            try ProbeClassifier(
                parameters, try ProbeConfiguration(settings), spec: input.spec, omega0: Float(input.transform.omega0),
                columnInput: input.transform.convention == .nfn ? 1 : 0)
        }
    }

    /// `places`, followed by the same with one coordinate negated. *Shapes:* (probes, 2) → (2·probes, 2).
    private static func mirrored(_ places: Matrix, _ input: Int) -> Matrix {
        let values = places.read()
        let others = values.enumerated().map { $0.offset % places.columns == input ? -$0.element : $0.element }
        return Matrix(rows: 2 * places.rows, columns: places.columns, values: values + others)
    }

    /// Classes.
    package var outputs: [OutputDescription] { [OutputDescription(.classes, [configuration.classes])] }

    /// Records one forward pass on the unscaled weights.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let logits = self(pass.weights, mix: pass.mixed, in: pass.builder)
        return try outputs.map { output throws(ModelError) in
            guard output == .classes else { throw Self.notOffered(output) }
            return .classes(RecordedClasses("probes", logits))
        }
    }

    /// *Shapes:* raw weights of `batch` networks, single-channel features → logits (batch, classes).
    /// - Parameter mix: applied to the values, (batch·probes, outputs of a network), before they are classified, for
    ///   mixup in training.
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

    /// *Shapes:* values (batch·probes, outputs) → logits (batch, classes); where the model is mirrored, those of a network's
    /// picture and of its mirror image together, (batch·2·probes, outputs).
    private func classify(_ values: Matrix, batch: Int, in builder: PlanBuilder) -> Matrix {
        guard configuration.isMirrored else { return classifyEach(values, pictures: batch, in: builder) }
        let logits = classifyEach(values, pictures: 2 * batch, in: builder)
        let mean = builder.matrix(rows: batch, columns: logits.columns)
        builder.mean(logits, Axes(outer: batch, middle: 2), into: mean)
        return mean
    }

    /// *Shapes:* values (pictures·probes, outputs) → logits (pictures, classes).
    private func classifyEach(_ values: Matrix, pictures: Int, in builder: PlanBuilder) -> Matrix {
        switch head {
        case .dense(let maps):
            let rows = values.reshaped(rows: pictures, columns: configuration.probes * values.columns)
            return maps.enumerated().reduce(rows) { input, step in
                let y = builder.apply(step.element, to: input)
                if step.offset < maps.count - 1 { builder.activate(y, .gelu) }
                return y
            }
        case .convolutional(let network):
            let grid = configuration.grid ?? (1, configuration.probes)
            return network(
                PixelRows(matrix: values, height: grid.height, width: grid.width), batch: pictures, in: builder)
        }
    }
}
