import CKernels

/// How the rows of a matrix read as a three-dimensional index (outer, middle, inner), inner fastest.
///
/// A weight's rows are (network, output neuron, input neuron): means over outputs keep `outer` = networks and `inner` =
/// inputs; means over inputs have `outer` = networks · outputs and `inner` = 1.
package struct Axes: Sendable {
    package let outer: Int
    package let middle: Int
    package let inner: Int

    package init(outer: Int, middle: Int, inner: Int = 1) {
        self.outer = outer
        self.middle = middle
        self.inner = inner
    }

    var count: Int { outer * middle * inner }
    var reducedCount: Int { outer * inner }
}

extension PlanBuilder {
    /// y[outer, inner] = mean over middle of x[outer, middle, inner], channel by channel.
    ///
    /// Summed in float64: an error in a mean reaches every entry that the mean is broadcast to, so none averages out.
    package func mean(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(x.rows == axes.count && y.rows == axes.reducedCount && x.columns == y.columns, "mean's shapes")
        let sums = DoubleScratch(workers: workers(for: axes.reducedCount), count: x.columns, in: self)
        step(touching: [x, y, sums.matrix]) { pool in
            pool.run(tasks: axes.reducedCount) { task, worker in
                let (outer, inner) = (task / axes.inner, task % axes.inner)
                let sum = sums.zeroed(worker)
                let first = x.pointer + (outer * axes.middle * axes.inner + inner) * x.stride
                for middle in 0..<axes.middle {
                    ck_accumulate(first + middle * axes.inner * x.stride, sum, x.columns)
                }
                ck_store(sum, y.pointer + task * y.stride, x.columns, 1 / Double(axes.middle))
            }
        }
    }

    /// y[outer, middle, inner] += x[outer, inner], or = where `overwriting`.
    package func broadcast(_ x: Matrix, _ axes: Axes, into y: Matrix, overwriting: Bool = false) {
        precondition(
            y.rows == axes.count && x.rows == axes.reducedCount && x.columns == y.columns, "broadcast's shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: y.rows) { range in
                for row in range {
                    let source = row / (axes.middle * axes.inner) * axes.inner + row % axes.inner
                    let target = y.pointer + row * y.stride
                    if overwriting {
                        target.update(from: x.pointer + source * x.stride, count: x.columns)
                    } else {
                        ck_add(x.pointer + source * x.stride, target, x.columns)
                    }
                }
            }
        }
    }

    /// y[outer, inner, middle] = x[outer, middle, inner]: two neighbouring axes change places.
    package func swapAxes(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(x.rows == axes.count && y.rows == axes.count && x.columns == y.columns, "swap's shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    let inner = row % axes.inner
                    let middle = row / axes.inner % axes.middle
                    let outer = row / (axes.inner * axes.middle)
                    let target = (outer * axes.inner + inner) * axes.middle + middle
                    (y.pointer + target * y.stride).update(from: x.pointer + row * x.stride, count: x.columns)
                }
            }
        }
    }
}
