import CKernels

/// An affine map of channels: y = x · weightᵀ + bias, as `torch.nn.Linear` or a convolution with a kernel of one
/// element.
package struct AffineMap: Sendable {
    /// (outputs, inputs)
    package let weight: Matrix
    /// (1, outputs); nil for zero.
    package let bias: Matrix?
    let packed = PackedMap()

    /// *Shapes:* weight (outputs, inputs), bias (1, outputs), zero where nil.
    package init(weight: Matrix, bias: Matrix?) {
        precondition(bias.map { $0.rows == 1 && $0.columns == weight.rows } ?? true, "bias of an affine map")
        self.weight = weight
        self.bias = bias
    }

    var parameters: [Matrix] { [weight] + [bias].compactMap { $0 } }
    /// Channels of x.
    package var inputs: Int { weight.columns }
    /// Channels of y.
    package var outputs: Int { weight.rows }
}

extension PlanBuilder {
    /// y = map(x), or y += map(x) where `accumulating`. *Shapes:* x (rows, inputs), y (rows, outputs).
    package func apply(_ map: AffineMap, to x: Matrix, into y: Matrix, accumulating: Bool = false) {
        precondition(x.rows == y.rows && x.columns == map.inputs && y.columns == map.outputs, "affine map's shapes")
        countProduct(x.rows, map.inputs, map.outputs)
        if parametersAreFixed || x.rows >= Self.fewestRowsToPackFor, let packed = packed(map) {
            apply(packed, map, to: x, into: y, accumulating: accumulating)
        } else {
            multiply(map, x, into: y, accumulating: accumulating)
        }
        adjoint(of: y, from: [x, map.weight, map.bias]) { self.differentiate(map, of: x, into: y, $0) }
    }

    /// Divides the rows of y among tasks; where there are at most 64, its columns.
    private func apply(_ packed: Matrix, _ map: AffineMap, to x: Matrix, into y: Matrix, accumulating: Bool) {
        let sources = [x, packed] + (accumulating ? [y] : [])
        guard x.rows <= Self.mostRowsInOneTask, x.rows * map.inputs * map.outputs >= Self.fewestTermsToShare else {
            return step(reading: sources, writing: [y], rows: x.rows) { range in
                Products.apply(packed, to: x.rows(range), accumulating: accumulating, into: y.rows(range))
            }
        }
        let (inputs, outputs) = (map.inputs, map.outputs)
        let width = Products.wholePanels(outputs / 4)
        step(reading: sources, writing: [y], tasks: (outputs + width - 1) / width) { task, _ in
            let columns = task * width..<min(outputs, (task + 1) * width)
            Products.apply(
                Products.part(of: packed, outputs: columns, inputs: inputs), to: x, accumulating: accumulating,
                into: y.columns(columns))
        }
    }

    private static var mostRowsInOneTask: Int { 64 }
    /// Below this many multiply-adds, one thread is faster than several: starting a task on another thread takes about
    /// as long as computing them.
    private static var fewestTermsToShare: Int { 500_000 }

    /// A map whose parameters may change is packed again in every run, which pays from about this many rows on.
    private static var fewestRowsToPackFor: Int { 8 }

    private func multiply(_ map: AffineMap, _ x: Matrix, into y: Matrix, accumulating: Bool) {
        step(reading: [x] + map.parameters + (accumulating ? [y] : []), writing: [y], rows: x.rows) { range in
            let target = y.rows(range)
            Products.multiply(
                x.rows(range), map.weight, transposingB: true, accumulating: accumulating, into: target)
            guard let bias = map.bias else { return }
            ck_add_blocks(bias.pointer, 0, target.pointer, target.stride, target.columns, target.rows)
        }
    }

    private func differentiate(_ map: AffineMap, of x: Matrix, into y: Matrix, _ tape: GradientTape) {
        guard let dy = tape.cotangent(of: y) else { return }
        if let dx = tape.target(for: x) {
            step(reading: [dy, map.weight] + GradientTarget.updated([dx]), writing: [dx.matrix]) {
                Products.multiply(dy, map.weight, accumulating: dx.accumulating, into: dx.matrix)
            }
        }
        if let dw = tape.target(for: map.weight) {
            step(reading: [dy, x] + GradientTarget.updated([dw]), writing: [dw.matrix]) {
                Products.multiply(dy, x, transposingA: true, accumulating: dw.accumulating, into: dw.matrix)
            }
        }
        if let bias = map.bias, let db = tape.sum(for: bias) {
            step(reading: [dy, db], writing: [db]) {
                ck_add_rows(dy.pointer, dy.stride, dy.rows, db.pointer, dy.columns)
            }
        }
    }

    /// map(x) as a new matrix. *Shapes:* x (rows, inputs) → (rows, outputs).
    package func apply(_ map: AffineMap, to x: Matrix) -> Matrix {
        let y = matrix(rows: x.rows, columns: map.outputs)
        apply(map, to: x, into: y)
        return y
    }
}
