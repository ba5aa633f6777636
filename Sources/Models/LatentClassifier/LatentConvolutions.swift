import Engine
import NeuralFunctionals
import Tensors

/// Settings of `LatentConvolutions`.
package struct LatentConvolutionsConfiguration: Sendable {
    /// `n_classes`.
    package let classes: Int
    /// `latent_dim`: channels of a latent.
    package let latentWidth: Int
    /// `cells`: rows and columns of the pixels that a latent holds.
    package let cells: Int
    /// `channels`: of the first convolution and of each stage.
    package let channels: [Int]
    /// `num_blocks`: residual blocks of each stage.
    package let blocks: [Int]

    /// Channels of a pixel.
    package var cellWidth: Int { latentWidth / (cells * cells) }

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        classes = try settings.int("n_classes", in: SettingBounds.extent)
        latentWidth = try settings.int("latent_dim", in: SettingBounds.extent)
        cells = try settings.int("cells", in: SettingBounds.kernel)
        channels = try settings.ints("channels", in: SettingBounds.extent, count: 1...8)
        let stages = channels.count - 1
        blocks = try settings.ints("num_blocks", in: SettingBounds.depth, count: stages...stages)
        guard latentWidth.isMultiple(of: cells * cells) else {
            throw settings.error(
                "cells", "latents of \(latentWidth) channels do not divide into \(cells) × \(cells) pixels")
        }
    }
}

/// A convolutional network over a square array of latents, each of which holds a square of pixels of the array: with 4 × 4
/// latents of 128 channels and 2 × 2 pixels a latent, a picture of 8 × 8 pixels of 32 channels.
package struct LatentConvolutions: ModelKind, LatentHead {
    package static let type = "LatentConvolutions"

    /// The settings that it was built from.
    package let configuration: LatentConvolutionsConfiguration
    private let network: ConvolutionalHead

    package var classes: Int { configuration.classes }

    /// Reads the parameters of a `ConvolutionalHead`.
    package init(_ parameters: ParameterScope, _ configuration: LatentConvolutionsConfiguration) {
        self.configuration = configuration
        network = ConvolutionalHead(
            parameters, inputs: configuration.cellWidth, channels: configuration.channels, blocks: configuration.blocks,
            classes: configuration.classes)
    }

    func check(count: Int, width: Int) throws(ModelError) {
        _ = try side(count: count, width: width)
    }

    /// Rows and columns of an array of so many latents.
    private func side(count: Int, width: Int) throws(ModelError) -> Int {
        guard let side = count.squareSide, width == configuration.latentWidth else {
            throw ModelError(
                "the classifier reads square arrays of latents of \(configuration.latentWidth), the encoder makes \(count) of \(width)"
            )
        }
        let (pixels, stages) = (side * configuration.cells, configuration.channels.count - 1)
        guard pixels >> stages > 0 else {
            throw ModelError(
                "channels: \(stages) stages halve \(pixels) × \(pixels) pixels of latents to nothing; use fewer stages")
        }
        return side
    }

    /// *Shapes:* latents (batch·count, latent width) → logits (batch, classes).
    /// - Throws: `ModelError` where the latents form no square array or have another width.
    package func callAsFunction(_ z: Matrix, batch: Int, in builder: PlanBuilder) throws(ModelError) -> Matrix {
        let (side, cells) = (try side(count: z.rows / batch, width: z.columns), configuration.cells)
        // From (row, column, row of the cell) to (row, row of the cell, column); rows of this view are those of a cell.
        let latents = z.reshaped(rows: z.rows * cells, columns: z.columns / cells)
        let rows = builder.matrix(rows: latents.rows, columns: latents.columns)
        builder.swapAxes(latents, Axes(outer: batch * side, middle: side, inner: cells), into: rows)
        let pixels = rows.reshaped(rows: z.rows * cells * cells, columns: configuration.cellWidth)
        return network(
            PixelRows(matrix: pixels, height: side * cells, width: side * cells), batch: batch, in: builder)
    }
}
