import CKernels

/// Reads the rows of a matrix as a three-dimensional index: row = (outer · middles + middle) · inners + inner.
///
/// The rows of a weight are (network, output neuron, input neuron). For a mean over its outputs, `outer` counts
/// networks, `middle` outputs and `inner` inputs; for a mean over its inputs, `outer` counts networks · outputs,
/// `middle` inputs, and `inner` is 1.
package struct Axes: Sendable {
    /// Extent of the first index.
    package let outer: Int
    /// Extent of the second index, along which `mean` reduces and `broadcast` repeats.
    package let middle: Int
    /// Extent of the third index.
    package let inner: Int

    package init(outer: Int, middle: Int, inner: Int = 1) {
        self.outer = outer
        self.middle = middle
        self.inner = inner
    }

    var count: Int { outer * middle * inner }
    var reducedCount: Int { outer * inner }

    /// The row outer · inners + inner of the reduced matrix that belongs to a row of the whole one.
    func reduced(_ row: Int) -> Int { row / (middle * inner) * inner + row % inner }

    /// Calls `body` for runs of `rows`. The reduced rows of a run are consecutive where `advances`, else all the same.
    func forEachRun(
        _ rows: Range<Int>, _ body: (_ row: Int, _ reduced: Int, _ count: Int, _ advances: Bool) -> Void
    ) {
        let length = inner == 1 ? middle : inner
        var row = rows.lowerBound
        while row < rows.upperBound {
            let count = min(length - row % length, rows.upperBound - row)
            body(row, reduced(row), count, inner > 1)
            row += count
        }
    }

    /// The row of a matrix indexed (outer, inner, middle) that a row indexed (outer, middle, inner) moves to.
    func swapped(_ row: Int) -> Int {
        (row / (inner * middle) * inner + row % inner) * middle + row / inner % middle
    }
}

extension PlanBuilder {
    /// y[outer, inner] = mean over middle of x[outer, middle, inner], for every column. Overwrites y.
    ///
    /// *Shapes:* x (outer·middle·inner, n), y (outer·inner, n). Summed in float64, because the error of a mean is the
    /// same in every entry that the mean is broadcast to, so later means do not reduce it.
    package func mean(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(x.rows == axes.count && y.rows == axes.reducedCount && x.columns == y.columns, "mean's shapes")
        // Where there are fewer than four means, of many rows each, tasks take 32 columns each instead of a whole mean.
        let width = axes.reducedCount < 4 && axes.middle >= 256 ? 32 : x.columns
        let parts = (x.columns + width - 1) / width
        step(reading: [x], writing: [y], tasks: axes.reducedCount * parts) { task, _ in
            let (row, column) = (task / parts, task % parts * width)
            let (outer, inner) = (row / axes.inner, row % axes.inner)
            let first = x.pointer + (outer * axes.middle * axes.inner + inner) * x.stride + column
            ck_mean_row(
                first, axes.inner * x.stride, axes.middle, y.pointer + row * y.stride + column,
                min(width, x.columns - column))
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.target(for: x) else { return }
            self.spread(
                dy, axes, into: dx.matrix, accumulating: dx.accumulating, factor: 1 / Float(axes.middle))
        }
    }

    /// y[outer] = the largest of x[outer, middle] for every column, which among equal ones is the first: it alone gets the
    /// gradient. Overwrites y.
    ///
    /// *Shapes:* x (outer·middle, n), y (outer, n). `inner` of the axes must be 1.
    package func maximum(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(
            axes.inner == 1 && x.rows == axes.count && y.rows == axes.outer && x.columns == y.columns,
            "maximum's shapes")
        step(reading: [x], writing: [y], rows: y.rows) { range in
            for row in range {
                ck_max_rows(
                    x.pointer + row * axes.middle * x.stride, x.stride, axes.middle, y.pointer + row * y.stride,
                    y.columns)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [x, y, dy, dx], writing: [dx]) {
                for row in 0..<y.rows {
                    let first = row * axes.middle
                    ck_max_rows_adjoint(
                        x.pointer + first * x.stride, x.stride, axes.middle, y.pointer + row * y.stride,
                        dy.pointer + row * dy.stride, dx.pointer + first * dx.stride, dx.stride, y.columns)
                }
            }
        }
    }

    /// y[outer, middle, inner] = factor · x[outer, inner], or += where `accumulating`.
    private func spread(_ x: Matrix, _ axes: Axes, into y: Matrix, accumulating: Bool, factor: Float = 1) {
        step(reading: [x] + (accumulating ? [y] : []), writing: [y]) {
            for row in 0..<y.rows {
                let source = x.pointer + axes.reduced(row) * x.stride
                ck_contribute(source, y.pointer + row * y.stride, y.columns, factor, accumulating ? 1 : 0)
            }
        }
    }

    /// y[outer, inner] += sum over middle of x[outer, middle, inner].
    private func gather(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        step(reading: [x, y], writing: [y]) {
            axes.forEachRun(0..<x.rows) { row, reduced, count, advances in
                let (from, to) = (x.pointer + row * x.stride, y.pointer + reduced * y.stride)
                if advances {
                    ck_add_blocks(from, x.stride, to, y.stride, x.columns, count)
                } else {
                    ck_add_rows(from, x.stride, count, to, x.columns)
                }
            }
        }
    }

    /// y[outer, middle, inner] += x[outer, inner], or = where `overwriting`.
    ///
    /// *Shapes:* x (outer·inner, n), y (outer·middle·inner, n).
    package func broadcast(_ x: Matrix, _ axes: Axes, into y: Matrix, overwriting: Bool = false) {
        precondition(
            y.rows == axes.count && x.rows == axes.reducedCount && x.columns == y.columns, "broadcast's shapes")
        step(reading: overwriting ? [x] : [x, y], writing: [y], rows: y.rows) { range in
            let (source, target) = (x.pointer, y.pointer)
            axes.forEachRun(range) { row, reduced, count, advances in
                let (from, to) = (source + reduced * x.stride, target + row * y.stride)
                let step = advances ? x.stride : 0
                if overwriting {
                    ck_copy_blocks(from, step, to, y.stride, x.columns, count)
                } else {
                    ck_add_blocks(from, step, to, y.stride, x.columns, count)
                }
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.gather(dy, axes, into: dx)
        }
    }

    /// y[row, times · column + i] = x[row, column] for i in 0..<times; returns x itself where `times` is 1.
    ///
    /// *Shapes:* x (rows, n), contiguous → (rows, n · times).
    package func repeatColumns(_ x: Matrix, _ times: Int) -> Matrix {
        guard times > 1 else { return x }
        let y = matrix(rows: x.rows, columns: x.columns * times)
        let axes = Axes(outer: x.columns, middle: times)
        for row in 0..<x.rows {
            broadcast(
                x.rows(row..<row + 1).reshaped(rows: x.columns, columns: 1), axes,
                into: y.rows(row..<row + 1).reshaped(rows: y.columns, columns: 1), overwriting: true)
        }
        return y
    }

    /// y[outer, inner, middle] = x[outer, middle, inner]: exchanges two axes. Overwrites y.
    ///
    /// *Shapes:* x (outer·middle·inner, n), y (outer·inner·middle, n).
    package func swapAxes(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(x.rows == axes.count && y.rows == axes.count && x.columns == y.columns, "swap's shapes")
        step(reading: [x], writing: [y], rows: x.rows) { range in
            for row in range {
                let target = axes.swapped(row)
                (y.pointer + target * y.stride).update(from: x.pointer + row * x.stride, count: x.columns)
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, dx], writing: [dx]) {
                for row in 0..<x.rows {
                    ck_add(dy.pointer + axes.swapped(row) * dy.stride, dx.pointer + row * dx.stride, dx.columns)
                }
            }
        }
    }
}
