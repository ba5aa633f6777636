import CKernels

/// Convolutions with an activation after each, of 16 pictures at a time, so that their activations stay in a core's
/// cache. Their memory serves one pass at a time.
struct LaneConvolutions {
    let activation: LaneActivation
    let layers: [Convolution]
    /// The pictures, then the result of every convolution: (elements, lanes) each.
    let values: [Matrix]

    /// - Parameters:
    ///   - shapes: at least one, each of which has the output of the one before as its input; traps otherwise.
    ///   - activation: ReLU or tanh; traps for another.
    init(_ shapes: [ConvolutionShape], activation: Nonlinearity, instructions: Int32 = Products.instructions) {
        precondition(
            zip(shapes, shapes.dropFirst()).allSatisfy {
                $0.outputs == $1.inputs && $0.outputHeight == $1.height && $0.outputWidth == $1.width
            }, "layers that fit each other")
        guard let first = shapes.first else { preconditionFailure("at least one convolution") }
        self.activation = LaneActivation(activation)
        layers = shapes.map { Convolution($0, instructions: instructions) }
        values =
            [Matrix(zeros: first.inputCount, Convolution.lanes)]
            + shapes.map { Matrix(zeros: $0.outputCount, Convolution.lanes) }
    }

    /// Where the pictures of a pass are written, (channels · height · width, lanes).
    var input: Matrix { values[0] }
    /// The result of the last convolution.
    var output: Matrix { values[values.count - 1] }

    /// Its memory in floats.
    var memoryCount: Int { values.reduce(0) { $0 + $1.count } + layers.reduce(0) { $0 + $1.memoryCount } }

    /// Computes the results of all convolutions from `input`.
    func propagate() {
        for (index, layer) in layers.enumerated() {
            layer.forward(values[index], activation: activation, into: values[index + 1])
        }
    }
}
