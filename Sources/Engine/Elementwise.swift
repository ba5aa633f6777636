import CKernels

/// Functions applied to every element.
package enum Activation: Sendable {
    /// max(x, 0)
    case relu
    /// x Φ(x), exact (erf) form
    case gelu
    /// 1 / (1 + e⁻ˣ)
    case sigmoid

    fileprivate func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .relu:
            for index in 0..<count { y[index] = x[index] > 0 ? x[index] : 0 }
        case .gelu:
            ck_gelu(x, y, count)
        case .sigmoid:
            for index in 0..<count { y[index] = -x[index] }
            ck_exp(y, y, count)
            for index in 0..<count { y[index] = 1 / (1 + y[index]) }
        }
    }
}

extension PlanBuilder {
    /// x = f(x), in place.
    package func activate(_ x: Matrix, _ activation: Activation) {
        step(touching: [x]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    let start = x.pointer + row * x.stride
                    activation.apply(start, start, x.columns)
                }
            }
        }
    }

    /// y += factor · x
    package func add(_ x: Matrix, to y: Matrix, factor: Float = 1) {
        precondition(x.rows == y.rows && x.columns == y.columns, "sum of unlike shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    ck_add_scaled(x.pointer + row * x.stride, y.pointer + row * y.stride, x.columns, factor)
                }
            }
        }
    }

    /// y = x
    package func copy(_ x: Matrix, to y: Matrix) {
        precondition(x.rows == y.rows && x.columns == y.columns, "copy between unlike shapes")
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    (y.pointer + row * y.stride).update(from: x.pointer + row * x.stride, count: x.columns)
                }
            }
        }
    }

    /// x = x · factor, in place.
    package func scale(_ x: Matrix, by factor: Float) {
        step(touching: [x]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    let start = x.pointer + row * x.stride
                    for column in 0..<x.columns { start[column] *= factor }
                }
            }
        }
    }

    /// y = (x − mean) / deviation, element by element; `mean` and `deviation` are one row each.
    package func standardize(_ x: Matrix, mean: Matrix, deviation: Matrix, into y: Matrix) {
        precondition(mean.columns == x.columns && deviation.columns == x.columns, "statistics of another shape")
        step(touching: [x, y]) { _ in
            for row in 0..<x.rows {
                let (source, target) = (x.pointer + row * x.stride, y.pointer + row * y.stride)
                for column in 0..<x.columns {
                    target[column] = (source[column] - mean.pointer[column]) / deviation.pointer[column]
                }
            }
        }
    }

    /// y = value · gelu(gate) where x is [value, gate] on its columns (GEGLU).
    package func gatedGELU(_ x: Matrix) -> Matrix {
        let half = x.columns / 2
        precondition(half * 2 == x.columns, "value and gate need the same width")
        let y = matrix(rows: x.rows, columns: half)
        step(touching: [x, y]) { pool in
            pool.runBlocks(rows: x.rows) { range in
                for row in range {
                    let value = x.pointer + row * x.stride
                    let target = y.pointer + row * y.stride
                    ck_gelu(value + half, target, half)
                    for column in 0..<half { target[column] *= value[column] }
                }
            }
        }
        return y
    }

    /// [sin(2π x·B), cos(2π x·B)] on channels, for every kernel position apart.
    ///
    /// *Shapes:* x (rows, c·k) with channel c·k + position, frequencies (c, m), y (rows, 2m·k) in the same order.
    /// The product with 2π comes last, as in the reference: at these arguments its rounding is visible.
    package func fourierFeatures(_ x: Matrix, frequencies: Matrix, kernelCount: Int, into y: Matrix) {
        let (channels, count) = (frequencies.rows, frequencies.columns)
        precondition(x.columns == channels * kernelCount && y.columns == 2 * count * kernelCount, "Fourier features")
        // Float.pi is rounded towards zero, and the difference to the nearest float32 shows.
        let twoPi = Float(2 * Double.pi)
        let scratch = matrix(rows: threads, columns: 3 * count)
        step(touching: [x, y, scratch]) { pool in
            let block = 64
            pool.run(tasks: (x.rows + block - 1) / block) { task, worker in
                let angle = scratch.pointer + worker * scratch.stride
                for row in task * block..<min(x.rows, (task + 1) * block) {
                    let (source, target) = (x.pointer + row * x.stride, y.pointer + row * y.stride)
                    for position in 0..<kernelCount {
                        for index in 0..<count { angle[index] = 0 }
                        for channel in 0..<channels {
                            let value = source[channel * kernelCount + position]
                            ck_add_scaled(frequencies.pointer + channel * frequencies.stride, angle, count, value)
                        }
                        for index in 0..<count { angle[index] *= twoPi }
                        ck_sincos(angle, angle + count, angle + 2 * count, count)
                        for index in 0..<2 * count {
                            target[index * kernelCount + position] = angle[count + index]
                        }
                    }
                }
            }
        }
    }
}
