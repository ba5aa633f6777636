import Engine

/// A convolution of pictures whose pixels are rows of channels: an affine map of each patch (`PatchGrid`). Its weight
/// is (outputs, side² · inputs), a patch's pixels row by row, the channels of a pixel together.
package struct Convolution: Sendable {
    private let map: AffineMap
    private let side: Int
    private let step: Int
    private let margin: Int

    package init(_ parameters: ParameterScope, inputs: Int, outputs: Int, side: Int, step: Int = 1, margin: Int = 0) {
        map = parameters.affine(inputs: side * side * inputs, outputs: outputs)
        self.side = side
        self.step = step
        self.margin = margin
    }

    /// *Shapes:* x (batch·height·width, inputs) → (batch·rows·columns, outputs), with the rows and columns of the
    /// result as its height and width.
    package func callAsFunction(_ x: Matrix, height: Int, width: Int, in builder: PlanBuilder) -> PixelRows {
        let grid = PatchGrid(height: height, width: width, side: side, step: step, margin: margin)
        return PixelRows(
            matrix: builder.apply(map, to: builder.patches(x, grid)), height: grid.rows, width: grid.columns)
    }
}

/// Pictures of one size. *Shape:* matrix (batch·height·width, channels), a picture's pixels row by row.
package struct PixelRows {
    package let matrix: Matrix
    package let height: Int
    package let width: Int

    package init(matrix: Matrix, height: Int, width: Int) {
        self.matrix = matrix
        self.height = height
        self.width = width
    }
}

/// x + linear(GELU(convolution(norm(x)))), a residual block of a picture network; the kernel is 3 × 3, the size stays.
package struct ConvolutionBlock: Sendable {
    private let norm: Normalization
    private let convolution: Convolution
    private let contract: AffineMap

    package init(_ parameters: ParameterScope, channels: Int) {
        norm = parameters.scope("norm").layerNorm(channels)
        convolution = Convolution(parameters.scope("conv"), inputs: channels, outputs: channels, side: 3, margin: 1)
        contract = parameters.scope("linear").affine(inputs: channels, outputs: channels)
    }

    package func callAsFunction(_ x: PixelRows, in builder: PlanBuilder) -> PixelRows {
        let hidden = convolution(
            builder.normalize(x.matrix, norm), height: x.height, width: x.width, in: builder)
        builder.activate(hidden.matrix, .gelu)
        let y = builder.apply(contract, to: hidden.matrix)
        builder.add(x.matrix, to: y)
        return PixelRows(matrix: y, height: x.height, width: x.width)
    }
}
