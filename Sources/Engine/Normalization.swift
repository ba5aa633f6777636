import CKernels

/// What a layer norm divides by. Models of the reference use both.
package enum NormalizationKind: Sendable {
    /// √(Σ(x − mean)² / n + 1e-5), as `torch.nn.LayerNorm`
    case standard
    /// √(Σ(x − mean)² / (n − 1)) + 1e-5, as the reference's `SimpleLayerNorm`
    case unbiased

    /// The reciprocal of the divisor, from squares = Σ(x − mean)².
    func factor(squares: Float, count: Int) -> Float {
        switch self {
        case .standard: 1 / (squares / Float(count) + 1e-5).squareRoot()
        case .unbiased: 1 / ((squares / Float(count - 1)).squareRoot() + 1e-5)
        }
    }

    /// The c of the gradient dx = factor · (g − mean(g)) − c · factor² · (x − mean) · Σ g (x − mean), g = dy · gamma.
    func curvature(squares: Float, count: Int) -> Float {
        switch self {
        case .standard: return factor(squares: squares, count: count) / Float(count)
        case .unbiased:
            let deviation = (squares / Float(count - 1)).squareRoot()
            return deviation > 0 ? 1 / (Float(count - 1) * deviation) : 0
        }
    }
}

/// Parameters of a layer norm: gain `gamma` and offset `beta`, (1, n) each.
package struct Normalization: Sendable {
    /// What is divided by.
    package let kind: NormalizationKind
    /// Gain, (1, n).
    package let gamma: Matrix
    /// Offset, (1, n).
    package let beta: Matrix

    /// Traps unless both parameters are one row of the same length.
    package init(kind: NormalizationKind, gamma: Matrix, beta: Matrix) {
        precondition(gamma.rows == 1 && beta.rows == 1 && gamma.columns == beta.columns, "gain and offset")
        self.kind = kind
        self.gamma = gamma
        self.beta = beta
    }
}

extension PlanBuilder {
    /// y[row] = (x[row] − mean) / divisor · gamma + beta; mean and divisor (`NormalizationKind`) are those of the row.
    ///
    /// *Shapes:* x and y (rows, n).
    package func normalize(_ x: Matrix, _ norm: Normalization, into y: Matrix) {
        precondition(x.columns == norm.gamma.columns && x.rows == y.rows && x.columns == y.columns, "norm's shapes")
        step(reading: [x, norm.gamma, norm.beta], writing: [y], rows: x.rows) {
            normalizeRows(x.rows($0), norm, into: y.rows($0))
        }
        adjoint(of: y, from: [x, norm.gamma, norm.beta]) { self.differentiate(norm, of: x, into: y, $0) }
    }

    private func differentiate(_ norm: Normalization, of x: Matrix, into y: Matrix, _ tape: GradientTape) {
        guard let dy = tape.cotangent(of: y) else { return }
        let (dx, accumulating) = tape.target(for: x) ?? (nil, false)
        let (dgamma, dbeta) = (tape.sum(for: norm.gamma), tape.sum(for: norm.beta))
        let updated = [accumulating ? dx : nil, dgamma, dbeta].compactMap { $0 }
        step(
            reading: [x, dy, norm.gamma] + updated, writing: [dx, dgamma, dbeta].compactMap { $0 }
        ) {
            var mean: Float = 0
            var squares: Float = 0
            for row in 0..<x.rows {
                let source = x.pointer + row * x.stride
                ck_moments(source, x.columns, &mean, &squares)
                ck_norm_adjoint(
                    source, dy.pointer + row * dy.stride, norm.gamma.pointer, x.columns, mean,
                    norm.kind.factor(squares: squares, count: x.columns),
                    norm.kind.curvature(squares: squares, count: x.columns), dx.map { $0.pointer + row * $0.stride },
                    accumulating ? 1 : 0, dgamma?.pointer, dbeta?.pointer)
            }
        }
    }

    /// The same as a new matrix.
    package func normalize(_ x: Matrix, _ norm: Normalization) -> Matrix {
        let y = matrix(rows: x.rows, columns: x.columns)
        normalize(x, norm, into: y)
        return y
    }
}

func normalizeRows(_ x: Matrix, _ norm: Normalization, into y: Matrix) {
    ck_normalize(
        x.pointer, x.stride, y.pointer, y.stride, x.rows, x.columns, norm.kind == .unbiased ? 1 : 0,
        norm.gamma.pointer, norm.beta.pointer)
}
