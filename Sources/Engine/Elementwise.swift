import CKernels

/// A function applied to every element.
package enum Activation: Sendable {
    /// max(x, 0)
    case relu
    /// x Φ(x), Φ the distribution function of the standard normal: the exact form of GELU, not the tanh approximation
    case gelu
    /// 1 / (1 + e⁻ˣ)
    case sigmoid
    /// sin(x), x in radians
    case sine

    fileprivate func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .relu: ck_relu(x, y, count)
        case .gelu: ck_gelu(x, y, count)
        case .sigmoid: ck_sigmoid(x, y, count)
        case .sine: ck_sin(x, y, count)
        }
    }

    /// y = f(x) in place of x, and slope = f′(x).
    fileprivate func apply(_ x: UnsafeMutablePointer<Float>, slope: UnsafeMutablePointer<Float>, _ count: Int) {
        if self == .gelu { return ck_gelu_slope(x, x, slope, count) }
        if self == .sine { return ck_sincos(x, x, slope, count) }
        apply(x, x, count)
        for index in 0..<count {
            slope[index] = self == .relu ? (x[index] > 0 ? 1 : 0) : x[index] * (1 - x[index])
        }
    }
}

extension PlanBuilder {
    /// x = f(x), in place.
    package func activate(_ x: Matrix, _ activation: Activation) {
        if let tape, tape.isActive(x) { return activate(x, activation, tape) }
        step(reading: [x], writing: [x], rows: x.rows) { range in
            let block = x.rows(range)
            guard activation == .sine else {
                return block.forEachRun { start, count in activation.apply(start, start, count) }
            }
            // Row by row: `ck_sin` takes another path for all of its elements where one of them is above 8192, and a
            // token's result must not depend on other tokens.
            for row in 0..<block.rows {
                let start = block.pointer + row * block.stride
                activation.apply(start, start, block.columns)
            }
        }
    }

    /// The same with f′(x) kept for the backward pass.
    private func activate(_ x: Matrix, _ activation: Activation, _ tape: GradientTape) {
        let slope = matrix(rows: x.rows, columns: x.columns)
        step(reading: [x], writing: [x, slope]) {
            x.forEachRun(with: slope) { value, slope, count in activation.apply(value, slope: slope, count) }
        }
        tape.append { tape in
            guard let dx = tape.cotangent(of: x) else { return }
            self.step(reading: [slope, dx], writing: [dx]) {
                slope.forEachRun(with: dx) { slope, gradient, count in ck_multiply(slope, gradient, count) }
            }
        }
    }

    /// y += factor · x. *Shapes:* x and y (rows, n).
    package func add(_ x: Matrix, to y: Matrix, factor: Float = 1) {
        precondition(x.rows == y.rows && x.columns == y.columns, "sum of unlike shapes")
        step(reading: [x, y], writing: [y], rows: x.rows) { range in
            x.rows(range).forEachRun(with: y.rows(range)) { from, to, count in ck_add_scaled(from, to, count, factor) }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.target(for: x) else { return }
            self.contribute(dy, to: dx, factor: factor)
        }
    }

    /// y = x. *Shapes:* x and y (rows, n).
    package func copy(_ x: Matrix, to y: Matrix) {
        precondition(x.rows == y.rows && x.columns == y.columns, "copy between unlike shapes")
        step(reading: [x], writing: [y], rows: x.rows) { range in
            x.rows(range).forEachRun(with: y.rows(range)) { from, to, count in to.update(from: from, count: count) }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.target(for: x) else { return }
            self.contribute(dy, to: dx)
        }
    }

    /// x = x · factor, in place.
    package func scale(_ x: Matrix, by factor: Float) {
        step(reading: [x], writing: [x]) {
            x.forEachRun { start, count in ck_contribute(start, start, count, factor, 0) }
        }
        adjoint(of: x, from: [x]) { tape in
            guard let dx = tape.cotangent(of: x) else { return }
            self.step(reading: [dx], writing: [dx]) {
                dx.forEachRun { start, count in ck_contribute(start, start, count, factor, 0) }
            }
        }
    }

    /// y = x · factor. *Shapes:* x and y (rows, n), factor (1, 1), which may be a learned parameter.
    package func scale(_ x: Matrix, by factor: Matrix, into y: Matrix) {
        precondition(factor.count == 1 && x.rows == y.rows && x.columns == y.columns, "scaling's shapes")
        step(reading: [x, factor], writing: [y], rows: x.rows) { range in
            x.rows(range).forEachRun(with: y.rows(range)) { from, to, count in
                ck_contribute(from, to, count, factor.pointer[0], 0)
            }
        }
        adjoint(of: y, from: [x, factor]) { tape in
            guard let dy = tape.cotangent(of: y) else { return }
            if let dx = tape.sum(for: x) {
                self.step(reading: [dy, dx, factor], writing: [dx]) {
                    for row in 0..<x.rows {
                        let (from, to) = (dy.pointer + row * dy.stride, dx.pointer + row * dx.stride)
                        ck_contribute(from, to, x.columns, factor.pointer[0], 1)
                    }
                }
            }
            if let df = tape.sum(for: factor) {
                self.step(reading: [x, dy, df], writing: [df]) {
                    var sum = 0.0
                    for row in 0..<x.rows {
                        let (value, gradient) = (x.pointer + row * x.stride, dy.pointer + row * dy.stride)
                        for column in 0..<x.columns { sum += Double(value[column]) * Double(gradient[column]) }
                    }
                    df.pointer[0] += Float(sum)
                }
            }
        }
    }

    /// y[row] = (x[row] − mean) / deviation, element by element.
    ///
    /// *Shapes:* x and y (rows, n), mean and deviation (1, n).
    package func standardize(_ x: Matrix, mean: Matrix, deviation: Matrix, into y: Matrix) {
        precondition(mean.columns == x.columns && deviation.columns == x.columns, "statistics of another shape")
        step(reading: [x, mean, deviation], writing: [y]) {
            for row in 0..<x.rows {
                let (source, target) = (x.pointer + row * x.stride, y.pointer + row * y.stride)
                for column in 0..<x.columns {
                    target[column] = (source[column] - mean.pointer[column]) / deviation.pointer[column]
                }
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, dx, deviation], writing: [dx]) {
                for row in 0..<x.rows {
                    let (source, target) = (dy.pointer + row * dy.stride, dx.pointer + row * dx.stride)
                    for column in 0..<x.columns { target[column] += source[column] / deviation.pointer[column] }
                }
            }
        }
    }

    /// y = value ⊙ gelu(gate), where the columns of x are [value, gate] (GEGLU; Shazeer, arXiv 2002.05202).
    ///
    /// *Shapes:* x (rows, 2n) → (rows, n).
    package func gatedGELU(_ x: Matrix) -> Matrix {
        let half = x.columns / 2
        precondition(half * 2 == x.columns, "value and gate need the same width")
        let y = matrix(rows: x.rows, columns: half)
        step(reading: [x], writing: [y], rows: x.rows) { range in
            for row in range {
                let value = x.pointer + row * x.stride
                let target = y.pointer + row * y.stride
                ck_gelu(value + half, target, half)
                for column in 0..<half { target[column] *= value[column] }
            }
        }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            let scratch = self.matrix(rows: 2, columns: half)
            self.step(reading: [x, dy, dx], writing: [dx, scratch]) {
                let (gate, slope) = (scratch.pointer, scratch.pointer + scratch.stride)
                for row in 0..<x.rows {
                    let (value, target) = (x.pointer + row * x.stride, dx.pointer + row * dx.stride)
                    let source = dy.pointer + row * dy.stride
                    ck_gelu_slope(value + half, gate, slope, half)
                    ck_add_product(source, gate, target, half)
                    ck_multiply(value, slope, half)
                    ck_add_product(source, slope, target + half, half)
                }
            }
        }
        return y
    }
}
