import CKernels

/// The extents of a convolution without padding.
package struct ConvolutionShape: Sendable, Hashable {
    /// Channels of the input.
    package let inputs: Int
    /// Rows of the input.
    package let height: Int
    /// Columns of the input.
    package let width: Int
    /// Channels of the output.
    package let outputs: Int
    /// Rows of the kernel.
    package let kernelHeight: Int
    /// Columns of the kernel.
    package let kernelWidth: Int
    /// Input rows and columns from one output to the next.
    package let stride: Int

    /// Traps where an extent is not positive or the kernel does not fit into the input.
    package init(inputs: Int, height: Int, width: Int, outputs: Int, kernel: (height: Int, width: Int), stride: Int) {
        precondition(inputs > 0 && outputs > 0 && stride > 0, "extents are positive")
        precondition(
            (1...max(1, height)).contains(kernel.height) && (1...max(1, width)).contains(kernel.width),
            "the kernel fits into the input")
        self.inputs = inputs
        self.height = height
        self.width = width
        self.outputs = outputs
        (kernelHeight, kernelWidth) = kernel
        self.stride = stride
    }

    /// Rows of the output.
    package var outputHeight: Int { (height - kernelHeight) / stride + 1 }
    /// Columns of the output.
    package var outputWidth: Int { (width - kernelWidth) / stride + 1 }
    /// Weights, (outputs, inputs, kernelHeight, kernelWidth).
    package var weightCount: Int { outputs * inputs * kernelHeight * kernelWidth }
    /// Multiply-adds of one picture.
    package var products: Int { weightCount * outputHeight * outputWidth }

    var inputCount: Int { inputs * height * width }
    var outputCount: Int { outputs * outputHeight * outputWidth }

    var kernelShape: ck_convolution {
        ck_convolution(
            inputs: inputs, height: height, width: width, outputs: outputs, kernel_height: kernelHeight,
            kernel_width: kernelWidth, stride: stride)
    }
}

/// The convolution of 16 pictures at a time, one in each lane of the vectors of (channels, height, width, 16).
struct Convolution {
    /// Pictures of one pass.
    static let lanes = Int(CK_LANES)

    let shape: ConvolutionShape
    private let packed: Matrix
    private let packedAdjoint: Matrix
    private let instructions: Int32

    init(_ shape: ConvolutionShape, instructions: Int32 = Products.instructions) {
        self.shape = shape
        self.instructions = instructions
        var own = shape.kernelShape
        packed = Matrix(zeros: 1, ck_convolution_packed_count(&own, 0))
        packedAdjoint = Matrix(zeros: 1, ck_convolution_packed_count(&own, 1))
    }

    /// Its memory in floats.
    var memoryCount: Int { packed.count + packedAdjoint.count }

    /// Takes the weights for the passes that follow.
    ///
    /// *Shapes:* weight (outputs, inputs, kernelHeight, kernelWidth) and bias (outputs), both contiguous.
    func load(weight: Matrix, bias: Matrix, forGradients: Bool) {
        precondition(weight.isContiguous && weight.count == shape.weightCount, "weights of the convolution")
        precondition(bias.isContiguous && bias.count == shape.outputs, "biases of the convolution")
        var own = shape.kernelShape
        ck_convolution_pack(&own, weight.pointer, bias.pointer, packed.pointer)
        if forGradients { ck_convolution_pack_adjoint(&own, weight.pointer, packedAdjoint.pointer) }
    }

    /// y = activation(weight ∗ x + bias)
    ///
    /// *Shapes:* x (inputs · height · width, lanes) → y (outputs · outputHeight · outputWidth, lanes).
    func forward(_ x: Matrix, activation: LaneActivation, into y: Matrix) {
        expect(x, shape.inputCount)
        expect(y, shape.outputCount)
        var own = shape.kernelShape
        ck_convolution_forward(&own, x.pointer, packed.pointer, activation.rawValue, y.pointer, instructions)
    }

    /// dx = the gradient of what x was before `activation`, of which x is the result; dy is the gradient of y before its
    /// own activation. *Shapes:* as `forward`.
    func inputGradient(_ dy: Matrix, x: Matrix, activation: LaneActivation, into dx: Matrix) {
        expect(x, shape.inputCount)
        expect(dx, shape.inputCount)
        expect(dy, shape.outputCount)
        var own = shape.kernelShape
        ck_convolution_inputs(
            &own, dy.pointer, packedAdjoint.pointer, x.pointer, activation.rawValue, dx.pointer, instructions)
    }

    /// Adds the gradients of weights and biases of each lane's picture.
    ///
    /// *Shapes:* x and dy as `forward`, dw (weights, lanes), db (outputs, lanes).
    func addWeightGradients(x: Matrix, dy: Matrix, dw: Matrix, db: Matrix) {
        expect(x, shape.inputCount)
        expect(dy, shape.outputCount)
        expect(dw, shape.weightCount)
        expect(db, shape.outputs)
        var own = shape.kernelShape
        ck_convolution_weights(&own, x.pointer, dy.pointer, dw.pointer, db.pointer, instructions)
    }

    private func expect(_ matrix: Matrix, _ rows: Int) {
        precondition(
            matrix.isContiguous && matrix.rows == rows && matrix.columns == Self.lanes,
            "(\(matrix.rows), \(matrix.columns)) for (\(rows), \(Self.lanes))")
    }
}

extension Nonlinearity {
    /// Those that CNNs are computed with.
    package static let ofConvolutions: [Nonlinearity] = [.relu, .tanh]
}

/// Activations of convolutions.
enum LaneActivation {
    case identity
    case relu
    case tanh

    /// Traps for one that is not among `Nonlinearity.ofConvolutions`.
    init(_ activation: Nonlinearity) {
        precondition(Nonlinearity.ofConvolutions.contains(activation), "ReLU or tanh")
        self = activation == .relu ? .relu : .tanh
    }

    var rawValue: Int32 {
        switch self {
        case .identity: Int32(CK_IDENTITY)
        case .relu: Int32(CK_RELU)
        case .tanh: Int32(CK_TANH)
        }
    }
}
