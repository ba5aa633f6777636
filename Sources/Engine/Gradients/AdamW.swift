import CKernels
import Foundation

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) on matrices that own their memory.
package struct AdamW: Sendable {
    package let beta1: Float
    package let beta2: Float
    package let epsilon: Float

    package init(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// One step in place.
    /// - Parameters:
    ///   - moments: running means of the gradient and of its square, of the parameter's shape.
    ///   - count: steps taken, this one included.
    ///   - decay: the share of the parameter that a rate of 1 would take away.
    ///   - gradientFactor: multiplies the gradient, for clipping.
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
    /// Zeros with memory of their own.
    package init(zeros rows: Int, _ columns: Int) {
        self.init(
            storage: Storage(zeros: rows * columns), offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// self += other; both contiguous.
    package func add(_ other: Matrix) {
        precondition(isContiguous && other.isContiguous && count == other.count, "sum of unlike matrices")
        ck_add(other.pointer, pointer, count)
    }

    /// self += share · (other − self); both contiguous.
    package func blend(_ other: Matrix, share: Float) {
        precondition(isContiguous && other.isContiguous && count == other.count, "blend of unlike matrices")
        ck_blend(other.pointer, pointer, count, share)
    }

    /// Copies another matrix's elements; both contiguous.
    package func assign(_ other: Matrix) {
        precondition(isContiguous && other.isContiguous && count == other.count, "copy of an unlike matrix")
        pointer.update(from: other.pointer, count: count)
    }

    /// Sum of squares, for norms; contiguous.
    package var sumOfSquares: Double {
        precondition(isContiguous, "sum over a contiguous matrix")
        return ck_sum_squares(pointer, count)
    }
}
