import CKernels

/// An affine map of channels: y = x · weightᵀ + bias, as `torch.nn.Linear` or a 1 × 1 convolution.
package struct AffineMap: Sendable {
    /// outputs × inputs
    package let weight: Matrix
    /// 1 × outputs
    package let bias: Matrix?

    package init(weight: Matrix, bias: Matrix?) {
        precondition(bias.map { $0.rows == 1 && $0.columns == weight.rows } ?? true, "bias of an affine map")
        self.weight = weight
        self.bias = bias
    }

    package var inputs: Int { weight.columns }
    package var outputs: Int { weight.rows }
}

extension PlanBuilder {
    /// y = map(x), or y += map(x). *Shapes:* x (rows, inputs), y (rows, outputs).
    package func apply(_ map: AffineMap, to x: Matrix, into y: Matrix, accumulating: Bool = false) {
        precondition(x.rows == y.rows && x.columns == map.inputs && y.columns == map.outputs, "affine map's shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                let target = y.rows(range)
                BLAS.multiply(
                    x.rows(range), map.weight, transposingB: true, accumulating: accumulating, into: target)
                guard let bias = map.bias else { return }
                for row in 0..<target.rows {
                    ck_add(bias.pointer, target.pointer + row * target.stride, target.columns)
                }
            }
        }
    }

    /// A new matrix map(x).
    package func apply(_ map: AffineMap, to x: Matrix) -> Matrix {
        let y = matrix(rows: x.rows, columns: map.outputs)
        apply(map, to: x, into: y)
        return y
    }
}
