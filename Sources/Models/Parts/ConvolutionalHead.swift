import Engine
import NeuralFunctionals
import WeightFormats

/// A residual network over a grid of values, in the manner of ResNet-9 (He et al., arXiv 1512.03385): a convolution, stages
/// that halve the rows and columns and may add residual blocks, the largest value of each channel on the last grid, and a
/// linear map to class logits.
///
/// Normalisation is that of whole pictures, which needs no statistics of other networks: an answer depends on one network
/// alone, in training as in serving.
struct ConvolutionalHead: Sendable {
    private let stem: NormedConvolution
    private let stages: [Stage]
    private let output: AffineMap

    private struct Stage: Sendable {
        let reduce: NormedConvolution
        let blocks: [ResidualConvolutions]
    }

    /// Reads `stem`, `stages.…` and `linear`.
    /// - Parameters:
    ///   - inputs: values of a grid point.
    ///   - channels: of the first convolution and of each stage.
    ///   - blocks: residual blocks of each stage.
    init(_ parameters: ParameterScope, inputs: Int, channels: [Int], blocks: [Int], classes: Int) {
        stem = NormedConvolution(parameters.scope("stem"), inputs: inputs, outputs: channels[0])
        stages = blocks.enumerated().map { index, count in
            let scope = parameters.scope("stages").scope(index)
            let (inputs, outputs) = (channels[index], channels[index + 1])
            return Stage(
                reduce: NormedConvolution(scope.scope("reduce"), inputs: inputs, outputs: outputs, halves: true),
                blocks: (0..<count).map {
                    ResidualConvolutions(scope.scope("blocks").scope($0), channels: outputs)
                })
        }
        output = parameters.scope("linear").affine(inputs: channels[channels.count - 1], outputs: classes)
    }

    /// Members that the parameters reveal: `channels`, `num_blocks` and `n_classes`.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let stages = file.scope("stages")
        let channels = [file.extent("stem.weight", 0)] + stages.indices.map { stages.extent("\($0).reduce.weight", 0) }
        return members(
            ("channels", .counts(channels.compactMap(\.self))),
            ("num_blocks", .counts(stages.indices.map { stages.scope($0).scope("blocks").indices.count })),
            ("n_classes", .count(file.extent("linear.weight", 0))))
    }

    /// The factor of what the linear map reads: the largest values of a grid are several times as large as usual ones.
    private static let factor: Float = 0.25

    /// *Shapes:* x (batch·height·width, inputs) → logits (batch, classes). Traps for pictures that the stages halve to
    /// nothing.
    func callAsFunction(_ x: PixelRows, batch: Int, in builder: PlanBuilder) -> Matrix {
        let last = stages.reduce(stem(x, in: builder)) { pixels, stage in
            stage.blocks.reduce(stage.reduce(pixels, in: builder)) { $1($0, in: builder) }
        }
        // Before the maximum, whose gradient needs its result as it was.
        builder.scale(last.matrix, by: Self.factor)
        let largest = builder.matrix(rows: batch, columns: last.matrix.columns)
        builder.maximum(last.matrix, Axes(outer: batch, middle: last.height * last.width), into: largest)
        return builder.apply(output, to: largest)
    }
}
