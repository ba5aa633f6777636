import CKernels

/// A sine network x ↦ w_L · sin(ω₀ (… sin(ω₀ (w0 · x + b0)) …)) + b_L, evaluated at many coordinates at once by matrix
/// products.
struct SineNetwork {
    /// Neurons of every layer, from coordinates to outputs.
    let sizes: [Int]
    let omega0: Float
    /// w0, b0, w1, b1, …: weights (outputs, inputs), biases (1, outputs).
    let parameters: [Matrix]

    /// The network whose parameters are row `index` of each of `arrays`, w0, b0, w1, b1, …
    init(_ arrays: [Matrix], _ index: Int, sizes: [Int], omega0: Float) {
        self.sizes = sizes
        self.omega0 = omega0
        parameters = Self.parameters(arrays, index, sizes)
    }

    /// Row `index` of each array: weights as (outputs, inputs), biases as (1, outputs).
    static func parameters(_ arrays: [Matrix], _ index: Int, _ sizes: [Int]) -> [Matrix] {
        arrays.enumerated().map { place, array in
            let row = array.rows(index..<index + 1)
            return place % 2 == 0 ? row.reshaped(rows: sizes[place / 2 + 1], columns: sizes[place / 2]) : row
        }
    }

    /// The size in floats of the scratch memory for `points` points.
    static func scratchCount(_ sizes: [Int], points: Int) -> Int { 3 * points * sizes.reduce(0, +) }

    /// For every layer matrices of (points, neurons) in scratch memory: values, derivatives ω₀ cos(…) of the sines, and
    /// gradients.
    struct Trace: Sendable {
        fileprivate let values: [Matrix]
        fileprivate let slopes: [Matrix]
        fileprivate let gradients: [Matrix]

        /// - Parameters:
        ///   - points: the most points that are evaluated at a time.
        ///   - scratch: one row of at least `scratchCount` floats.
        init(_ sizes: [Int], points: Int, in scratch: Matrix) {
            precondition(
                scratch.rows == 1 && scratch.columns >= scratchCount(sizes, points: points), "room for a trace")
            var offset = scratch.offset
            func take() -> [Matrix] {
                sizes.map { width in
                    defer { offset += points * width }
                    return Matrix(storage: scratch.storage, offset: offset, rows: points, columns: width, stride: width)
                }
            }
            values = take()
            slopes = take()
            gradients = take()
        }
    }

    /// The network's values; keeps those of hidden layers, and the derivatives of their sines, in `trace`.
    ///
    /// *Shapes:* coordinates x (points, inputs) → a view of the trace (points, outputs).
    func evaluate(_ x: Matrix, _ trace: Trace) -> Matrix {
        let layers = sizes.count - 1
        var input = x
        for layer in 0..<layers {
            let y = trace.values[layer + 1].rows(0..<x.rows)
            Products.multiply(input, parameters[2 * layer], transposingB: true, into: y)
            let bias = parameters[2 * layer + 1].pointer
            input = y
            if layer < layers - 1 {
                let slope = trace.slopes[layer + 1].rows(0..<x.rows)
                ck_sine_layer(bias, omega0, y.pointer, slope.pointer, y.rows, y.columns)
            } else {
                ck_add_blocks(bias, 0, y.pointer, y.stride, y.columns, y.rows)
            }
        }
        return input
    }

    /// Evaluates the network and adds to the gradients of its parameters and of the coordinates, where they are not
    /// nil.
    ///
    /// *Shapes:* x and dx (points, inputs); `dy` makes the gradient of the outputs (points, outputs) from the outputs;
    /// dparameters as `parameters`.
    func differentiate(
        _ x: Matrix, dy: (Matrix) -> Matrix, dparameters: [Matrix]?, dx: Matrix?, _ trace: Trace
    ) {
        var gradient = dy(evaluate(x, trace))
        for layer in (0..<sizes.count - 1).reversed() {
            let input = layer == 0 ? x : trace.values[layer].rows(0..<x.rows)
            if let dparameters {
                let (dweight, dbias) = (dparameters[2 * layer], dparameters[2 * layer + 1])
                Products.multiply(gradient, input, transposingA: true, accumulating: true, into: dweight)
                ck_add_rows(gradient.pointer, gradient.stride, gradient.rows, dbias.pointer, gradient.columns)
            }
            guard layer > 0 || dx != nil else { break }
            let target = layer == 0 ? (dx ?? trace.gradients[0]) : trace.gradients[layer].rows(0..<x.rows)
            Products.multiply(gradient, parameters[2 * layer], accumulating: layer == 0, into: target)
            if layer > 0 {
                ck_multiply(trace.slopes[layer].pointer, target.pointer, target.count)
                gradient = target
            }
        }
    }
}
