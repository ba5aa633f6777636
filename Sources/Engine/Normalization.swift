import CKernels

/// What a layer norm divides by. Models of the reference use both.
package enum NormalizationKind: Sendable {
    /// √(Σ(x − mean)² / n + 1e-5), as `torch.nn.LayerNorm`
    case standard
    /// √(Σ(x − mean)² / (n − 1)) + 1e-5, as the reference's `SimpleLayerNorm`
    case unbiased
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

    var parameters: [Matrix] { [gamma, beta] }
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
        let dx = tape.target(for: x)
        let (dgamma, dbeta) = (tape.sum(for: norm.gamma), tape.sum(for: norm.beta))
        let parameters = [dgamma, dbeta].compactMap { $0 }
        step(
            reading: [x, dy, norm.gamma] + parameters + GradientTarget.updated([dx].compactMap { $0 }),
            writing: [dx?.matrix].compactMap { $0 } + parameters
        ) {
            differentiateRows(
                norm, of: x, dy, dx: dx?.matrix, base: dx?.base, gamma: dgamma, beta: dbeta)
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

/// The gradients of `normalizeRows` from those of its results, dy: dx = base + that of x, and adds to `gamma` and `beta`.
/// Those that are nil are not needed, and a base that is nil is zero; the base may be dx.
func differentiateRows(
    _ norm: Normalization, of x: Matrix, _ dy: Matrix, dx: Matrix?, base: Matrix?, gamma: Matrix?, beta: Matrix?
) {
    ck_norm_adjoint(
        x.pointer, x.stride, dy.pointer, dy.stride, x.rows, x.columns, norm.kind == .unbiased ? 1 : 0,
        norm.gamma.pointer, dx?.pointer, dx?.stride ?? 0, base?.pointer, base?.stride ?? 0, gamma?.pointer,
        beta?.pointer)
}
