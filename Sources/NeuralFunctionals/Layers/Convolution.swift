import Engine

/// A two-dimensional convolution with bias: each pixel of the result is an affine map of a side × side patch of x. The
/// patch of pixel (r, c) begins at (r · step − margin, c · step − margin); outside the picture it is zero
/// (`PatchGrid`).
///
/// Pixels are rows of channels. The parameter `weight` is (outputs, side² · inputs): the pixels of a patch row by row,
/// the channels of a pixel together. (`torch.nn.Conv2d` stores (outputs, inputs, side, side).)
package struct Convolution: Sendable {
    private let map: AffineMap
    private let side: Int
    private let step: Int
    private let margin: Int

    /// Reads `weight` and `bias`.
    /// - Parameters:
    ///   - inputs, outputs: channels.
    ///   - side: pixels along a side of the square kernel.
    ///   - step: the stride, in pixels.
    ///   - margin: the padding with zeros on each side, in pixels.
    package init(_ parameters: ParameterScope, inputs: Int, outputs: Int, side: Int, step: Int = 1, margin: Int = 0) {
        map = parameters.affine(inputs: side * side * inputs, outputs: outputs)
        self.side = side
        self.step = step
        self.margin = margin
    }

    /// *Shapes:* x (batch·height·width, inputs) → (batch·rows·columns, outputs), where rows = ⌊(height + 2 · margin −
    /// side) / step⌋ + 1, columns likewise, are the height and width of the result. Traps where the kernel does not fit
    /// into the picture.
    package func callAsFunction(_ x: Matrix, height: Int, width: Int, in builder: PlanBuilder) -> PixelRows {
        let grid = PatchGrid(height: height, width: width, side: side, step: step, margin: margin)
        return PixelRows(
            matrix: builder.apply(map, to: builder.patches(x, grid)), height: grid.rows, width: grid.columns)
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

/// A residual block of a picture network, x + linear(GELU(convolution(norm(x)))): layer norm over channels, a 3 × 3
/// convolution with zero padding, which keeps the size, and a linear map of channels.
package struct ConvolutionBlock: Sendable {
    private let norm: Normalization
    private let convolution: Convolution
    private let contract: AffineMap

    /// Reads `norm`, `conv` and `linear`, all from `channels` to `channels`.
    package init(_ parameters: ParameterScope, channels: Int) {
        norm = parameters.scope("norm").layerNorm(channels)
        convolution = Convolution(parameters.scope("conv"), inputs: channels, outputs: channels, side: 3, margin: 1)
        contract = parameters.scope("linear").affine(inputs: channels, outputs: channels)
    }

    /// *Shapes:* x (batch·height·width, channels) → the same.
    package func callAsFunction(_ x: PixelRows, in builder: PlanBuilder) -> PixelRows {
        let hidden = convolution(
            builder.normalize(x.matrix, norm), height: x.height, width: x.width, in: builder)
        builder.activate(hidden.matrix, .gelu)
        let y = builder.apply(contract, to: hidden.matrix)
        builder.add(x.matrix, to: y)
        return PixelRows(matrix: y, height: x.height, width: x.width)
    }
}
