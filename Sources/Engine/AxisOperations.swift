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
    package func mean(_ x: Matrix, _ axes: Axes, into y: Matrix) {
        precondition(x.rows == axes.count && y.rows == axes.reducedCount && x.columns == y.columns, "mean's shapes")
        step(touching: [x, y]) { pool in
            pool.run(tasks: axes.reducedCount) { task, _ in
                let (outer, inner) = (task / axes.inner, task % axes.inner)
                let target = y.pointer + task * y.stride
                let first = x.pointer + (outer * axes.middle * axes.inner + inner) * x.stride
                target.update(from: first, count: x.columns)
                for middle in 1..<max(axes.middle, 1) {
                    ck_add(first + middle * axes.inner * x.stride, target, x.columns)
                }
                let factor = 1 / Float(axes.middle)
                for column in 0..<x.columns { target[column] *= factor }
            }
        }
    }

    /// y[outer, middle, inner] += x[outer, inner], or = where `overwriting`.
    package func broadcast(_ x: Matrix, _ axes: Axes, into y: Matrix, overwriting: Bool = false) {
        precondition(y.rows == axes.count && x.rows == axes.reducedCount && x.columns == y.columns, "broadcast's shapes")
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
