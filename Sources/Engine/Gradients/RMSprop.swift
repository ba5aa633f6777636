import CKernels

/// The optimizer RMSprop, in which every gradient is divided by the root of the running mean v of its squares.
package struct RMSprop: Sendable {
    /// The decay of the running mean v.
    package let decay: Float
    /// Added to √v.
    package let epsilon: Float

    /// The defaults are Keras'.
    package init(decay: Float = 0.9, epsilon: Float = 1e-7) {
        self.decay = decay
        self.epsilon = epsilon
    }

    /// One step in place: v = decay · v + (1 − decay) g², parameter −= rate · g / (√v + ε).
    ///
    /// All matrices are contiguous and of the parameter's shape.
    /// - Parameter squares: v, zeros before the first step.
    package func update(_ parameter: Matrix, gradient: Matrix, squares: Matrix, rate: Float) {
        precondition([parameter, gradient, squares].allSatisfy { $0.isContiguous && $0.count == parameter.count })
        ck_rmsprop(parameter.pointer, gradient.pointer, squares.pointer, parameter.count, rate, decay, epsilon)
    }
}

extension Matrix {
    /// self += factor · other. Both are contiguous and of one size.
    package func add(_ other: Matrix, factor: Float) {
        precondition(isContiguous && other.isContiguous && count == other.count, "sum of unlike matrices")
        ck_add_scaled(other.pointer, pointer, count, factor)
    }
}
