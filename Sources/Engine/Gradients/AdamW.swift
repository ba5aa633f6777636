import CKernels
import Foundation

/// The optimizer AdamW (Loshchilov and Hutter, arXiv 1711.05101).
package struct AdamW: Sendable {
    /// β₁, the decay of the gradients' running mean m.
    package let beta1: Float
    /// β₂, the decay of the running mean v of the squares.
    package let beta2: Float
    /// ε, added to √v̂.
    package let epsilon: Float

    /// The defaults are PyTorch's.
    package init(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// One step in place: with g = gradientFactor · gradient, m = β₁ m + (1 − β₁) g and v = β₂ v + (1 − β₂) g²,
    /// parameter −= rate · (m̂ / (√v̂ + ε) + decay · parameter), m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t = count.
    ///
    /// All matrices are contiguous and of the parameter's shape.
    /// - Parameters:
    ///   - moments: m and v, zeros before the first step.
    ///   - count: the number of this step, from 1.
    ///   - decay: weight decay.
    ///   - gradientFactor: 1, or less to clip the norm of all gradients.
    package func update(
        _ parameter: Matrix, gradient: Matrix, moments: (Matrix, Matrix), count: Int, rate: Float, decay: Float,
        gradientFactor: Float
    ) {
        precondition(
            [parameter, gradient, moments.0, moments.1].allSatisfy { $0.isContiguous && $0.count == parameter.count })
        ck_adamw(
            parameter.pointer, gradient.pointer, moments.0.pointer, moments.1.pointer, parameter.count, rate, beta1,
            beta2, epsilon, decay, 1 / (1 - power(beta1, count)), 1 / (1 - power(beta2, count)), gradientFactor)
    }

    private func power(_ base: Float, _ exponent: Int) -> Float { Float(pow(Double(base), Double(exponent))) }
}

extension Matrix {
    /// A contiguous matrix of zeros with memory of its own.
    package init(zeros rows: Int, _ columns: Int) {
        self.init(
            storage: Storage(zeros: rows * columns), offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// self = 0. Only of contiguous matrices.
    package func clear() {
        precondition(isContiguous, "zeros in a contiguous matrix")
        pointer.update(repeating: 0, count: count)
    }

    /// self += other. Both are contiguous and of one size.
    package func add(_ other: Matrix) {
        precondition(isContiguous && other.isContiguous && count == other.count, "sum of unlike matrices")
        ck_add(other.pointer, pointer, count)
    }

    /// self += share · (other − self). Both are contiguous and of one size.
    package func blend(_ other: Matrix, share: Float) {
        precondition(isContiguous && other.isContiguous && count == other.count, "blend of unlike matrices")
        ck_blend(other.pointer, pointer, count, share)
    }

    /// self = other, element by element. Both are contiguous and of one size.
    package func assign(_ other: Matrix) {
        precondition(isContiguous && other.isContiguous && count == other.count, "copy of an unlike matrix")
        pointer.update(from: other.pointer, count: count)
    }

    /// The sum of the squares of all elements, in float64; of contiguous matrices only.
    package var sumOfSquares: Double {
        precondition(isContiguous, "sum over a contiguous matrix")
        return ck_sum_squares(pointer, count)
    }
}
