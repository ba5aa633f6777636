import Engine
import Networks
import SIREN
import Tensors

/// Settings of a classifier that evaluates the INR.
package struct ProbeConfiguration: Decodable, Sendable {
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
    /// Whether the places of the probes are parameters; otherwise they are stored with the model and stay.
    package let learnsPlaces: Bool

    enum CodingKeys: String, CodingKey, CaseIterable {
        case grid
        case probes = "n_probes"
        case head
        case hidden
        case channels
        case blocks = "num_blocks"
        case classes = "n_classes"
        case learnsPlaces = "learned_places"
    }

    /// Throws for members that no setting has.
    package static func refuseUnknownMembers(of decoder: any Decoder, besides others: [String]) throws {
        try NeuralFunctionals.refuseUnknownMembers(of: decoder, known: CodingKeys.allCases.map(\.rawValue) + others)
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func widths(_ key: CodingKeys) throws -> [Int] {
            let list = try values.decode([Int].self, forKey: key)
            guard (1...8).contains(list.count), list.allSatisfy(SettingBounds.extent.contains) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: values, debugDescription: "expected 1 to 8 positive widths, received \(list)")
            }
            return list
        }
        classes = try values.decode(.classes, in: SettingBounds.extent)
        if let extents = try values.decodeIfPresent([Int].self, forKey: .grid) {
            guard extents.count == 2, extents.allSatisfy({ (4...128).contains($0) }) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .grid, in: values,
                    debugDescription: "expected [height, width], 4 to 128 each, received \(extents)")
            }
            grid = (extents[0], extents[1])
            probes = extents[0] * extents[1]
        } else {
            grid = nil
            probes = try values.decode(.probes, in: SettingBounds.extent)
        }
        switch try values.decodeIfPresent(String.self, forKey: .head) ?? "dense" {
        case "dense": head = .dense(try widths(.hidden))
        case "conv" where grid != nil:
            head = .convolutional(try widths(.channels), blocks: try values.decode(.blocks, in: SettingBounds.depth))
        case let other:
            throw DecodingError.dataCorruptedError(
                forKey: .head, in: values, debugDescription: "expected dense, or conv with a grid, received '\(other)'")
        }
        learnsPlaces = try values.decodeIfPresent(Bool.self, forKey: .learnsPlaces) ?? (grid == nil)
    }
}

/// Evaluates an INR at learned or fixed coordinates and classifies the values: exact under every symmetry of the weights,
/// whatever the hidden widths and depth (the idea of probing: Kofinas et al., arXiv 2403.12143; Kahana et al., 2410.10811).
package struct ProbeClassifier: Sendable {
    package let configuration: ProbeConfiguration
    private let omega0: Float
    /// (probes, inputs)
    private let places: Matrix
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
        places =
            configuration.learnsPlaces
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

    /// - Parameter mix: changes the values before they are classified, for training.
    ///
    /// *Shapes:* raw single-channel features of `batch` networks → logits (batch, classes).
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: ((Matrix) -> Matrix)? = nil, in builder: PlanBuilder
    ) -> Matrix {
        let parameters = x.arrays.map { $0.reshaped(rows: x.batch, columns: $0.count / x.batch) }
        let values = builder.matrix(rows: x.batch * places.rows, columns: x.spec.outputs)
        builder.evaluateSines(
            parameters, sizes: x.spec.sizes, omega0: omega0, at: places, batch: x.batch, into: values)
        let mixed = mix?(values) ?? values
        switch head {
        case .dense(let maps):
            let rows = mixed.reshaped(rows: x.batch, columns: places.rows * mixed.columns)
            return maps.enumerated().reduce(rows) { input, step in
                let y = builder.apply(step.element, to: input)
                if step.offset < maps.count - 1 { builder.activate(y, .gelu) }
                return y
            }
        case .convolutional(let network):
            let grid = configuration.grid ?? (1, places.rows)
            return network(
                PixelRows(matrix: mixed, height: grid.height, width: grid.width), batch: x.batch, in: builder)
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
