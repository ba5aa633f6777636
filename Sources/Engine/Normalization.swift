import CKernels

/// The two divisors in use; both appear inside one model.
package enum NormalizationKind: Sendable {
    /// `torch.nn.LayerNorm`: biased variance, 1e-5 added under the root.
    case standard
    /// The weight-space layers' own: unbiased standard deviation, 1e-5 added to it.
    case unbiased

    func factor(squares: Float, count: Int) -> Float {
        switch self {
        case .standard: 1 / (squares / Float(count) + 1e-5).squareRoot()
        case .unbiased: 1 / ((squares / Float(count - 1)).squareRoot() + 1e-5)
        }
    }
}

/// Gain and offset of a layer norm, one row each.
package struct Normalization: Sendable {
    package let kind: NormalizationKind
    package let gamma: Matrix
    package let beta: Matrix

    package init(kind: NormalizationKind, gamma: Matrix, beta: Matrix) {
        precondition(gamma.rows == 1 && beta.rows == 1 && gamma.columns == beta.columns, "gain and offset")
        self.kind = kind
        self.gamma = gamma
        self.beta = beta
    }
}

extension PlanBuilder {
    /// Every row of x normalized over its columns: (x − mean) · factor · gamma + beta.
    package func normalize(_ x: Matrix, _ norm: Normalization, into y: Matrix) {
        precondition(x.columns == norm.gamma.columns && x.rows == y.rows && x.columns == y.columns, "norm's shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                var mean: Float = 0
                var squares: Float = 0
                for row in range {
                    let source = x.pointer + row * x.stride
                    ck_moments(source, x.columns, &mean, &squares)
                    ck_affine(
                        source, y.pointer + row * y.stride, x.columns, mean,
                        norm.kind.factor(squares: squares, count: x.columns), norm.gamma.pointer, norm.beta.pointer)
                }
            }
        }
    }

    package func normalize(_ x: Matrix, _ norm: Normalization) -> Matrix {
        let y = matrix(rows: x.rows, columns: x.columns)
        normalize(x, norm, into: y)
        return y
    }
}
