import Engine

/// A 3 × 3 convolution with bias: each pixel of the result is an affine map of the patch of x around the same pixel, whose
/// pixels outside the picture are zero, so that the size stays.
///
/// Pixels are rows of channels. The parameter `weight` is (outputs, 9 · inputs): the pixels of a patch row by row, the
/// channels of a pixel together. (`torch.nn.Conv2d` stores (outputs, inputs, 3, 3).)
package struct Convolution: Sendable {
    private let map: AffineMap
    private static let side = 3

    /// Reads `weight` and `bias`.
    /// - Parameter inputs, outputs: channels.
    package init(_ parameters: ParameterScope, inputs: Int, outputs: Int) {
        map = parameters.affine(inputs: Self.side * Self.side * inputs, outputs: outputs)
    }

    /// *Shapes:* x (batch·height·width, inputs) → (batch·height·width, outputs).
    package func callAsFunction(_ x: PixelRows, in builder: PlanBuilder) -> PixelRows {
        let grid = PatchGrid(height: x.height, width: x.width, side: Self.side, margin: Self.side / 2)
        return PixelRows(
            matrix: builder.apply(map, to: builder.patches(x.matrix, grid)), height: x.height, width: x.width)
    }
}

/// A batch of pictures of one size while a plan is built.
package struct PixelRows {
    /// (batch·height·width, channels): picture after picture, the pixels of each row by row.
    package let matrix: Matrix
    /// In pixels.
    package let height: Int
    /// In pixels.
    package let width: Int

    /// `matrix` has a whole number of pictures of that size; not checked.
    package init(matrix: Matrix, height: Int, width: Int) {
        self.matrix = matrix
        self.height = height
        self.width = width
    }
}

extension PlanBuilder {
    /// Normalises whole pictures: (x − mean) / √(variance + 1e-5), with the mean and variance of all pixels and channels
    /// of a picture: group normalisation with one group (Wu and He, arXiv 1803.08494), without gain and offset.
    ///
    /// It keeps the contrasts between the pixels of a picture and between its channels. A layer norm of each pixel's
    /// channels removes them, so that a plain background is as loud as an edge.
    ///
    /// *Shapes:* x (batch·height·width, channels), contiguous → the same.
    package func normalizePictures(_ x: PixelRows) -> PixelRows {
        let count = x.height * x.width * x.matrix.columns
        let pictures = x.matrix.count / count
        let norm = Normalization(
            kind: .standard, gamma: Matrix(rows: 1, columns: count, values: [Float](repeating: 1, count: count)),
            beta: Matrix(zeros: 1, count))
        let y = matrix(rows: x.matrix.rows, columns: x.matrix.columns)
        normalize(
            x.matrix.reshaped(rows: pictures, columns: count), norm, into: y.reshaped(rows: pictures, columns: count))
        return PixelRows(matrix: y, height: x.height, width: x.width)
    }
}

extension PlanBuilder {
    /// The largest value of every 2 × 2 pixels, channel by channel; a row or column that is left over is dropped, as
    /// `torch.nn.MaxPool2d(2)` does.
    ///
    /// *Shapes:* x (batch·height·width, channels), contiguous → (batch·⌊height/2⌋·⌊width/2⌋, channels). Traps for fewer
    /// than 2 rows or columns.
    package func halve(_ x: PixelRows) -> PixelRows {
        let grid = PatchGrid(height: x.height, width: x.width, side: 2, step: 2)
        let channels = x.matrix.columns
        let parts = patches(x.matrix, grid)
        let y = matrix(rows: parts.rows, columns: channels)
        maximum(
            parts.reshaped(rows: 4 * parts.rows, columns: channels), Axes(outer: parts.rows, middle: 4), into: y)
        return PixelRows(matrix: y, height: grid.rows, width: grid.columns)
    }
}

/// A convolution, then the largest of every 2 × 2 pixels where it
/// halves the picture, the normalisation of the whole picture and GELU.
package struct NormedConvolution: Sendable {
    private let convolution: Convolution
    private let halves: Bool

    /// Reads `weight` and `bias`; see `Convolution`.
    package init(_ parameters: ParameterScope, inputs: Int, outputs: Int, halves: Bool = false) {
        convolution = Convolution(parameters, inputs: inputs, outputs: outputs)
        self.halves = halves
    }

    /// *Shapes:* x (batch·height·width, inputs) → (batch·height·width, outputs), or half as many rows and columns.
    package func callAsFunction(_ x: PixelRows, in builder: PlanBuilder) -> PixelRows {
        let whole = convolution(x, in: builder)
        let y = builder.normalizePictures(halves ? builder.halve(whole) : whole)
        builder.activate(y.matrix, .gelu)
        return y
    }
}

/// A residual block of a picture network, x + f₂(f₁(x)), where f₁ and f₂ are convolutions with normalisation and GELU.
package struct ResidualConvolutions: Sendable {
    private let first: NormedConvolution
    private let second: NormedConvolution

    /// Reads `first` and `second`, both from `channels` to `channels`.
    package init(_ parameters: ParameterScope, channels: Int) {
        first = NormedConvolution(parameters.scope("first"), inputs: channels, outputs: channels)
        second = NormedConvolution(parameters.scope("second"), inputs: channels, outputs: channels)
    }

    /// *Shapes:* x (batch·height·width, channels) → the same.
    package func callAsFunction(_ x: PixelRows, in builder: PlanBuilder) -> PixelRows {
        let y = second(first(x, in: builder), in: builder)
        builder.add(x.matrix, to: y.matrix)
        return y
    }
}
