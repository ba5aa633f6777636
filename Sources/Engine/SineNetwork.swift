import CKernels

/// One small sine network, x ↦ W_L sin(ω₀ (… sin(ω₀ (W₀ x + b₀)) …)) + b_L, on many points at once by matrix products.
struct SineNetwork {
    /// Neurons per layer, coordinates first.
    let sizes: [Int]
    let omega0: Float
    /// w0, b0, w1, b1, …: weights (outputs, inputs), biases (1, outputs).
    let parameters: [Matrix]

    /// The `index`th of many networks whose parameters lie in the rows of `arrays`, one matrix an array.
    init(_ arrays: [Matrix], _ index: Int, sizes: [Int], omega0: Float) {
        self.sizes = sizes
        self.omega0 = omega0
        parameters = Self.parameters(arrays, index, sizes)
    }

    static func parameters(_ arrays: [Matrix], _ index: Int, _ sizes: [Int]) -> [Matrix] {
        arrays.enumerated().map { place, array in
            let row = array.rows(index..<index + 1)
            return place % 2 == 0 ? row.reshaped(rows: sizes[place / 2 + 1], columns: sizes[place / 2]) : row
        }
    }

    /// Floats of scratch memory that `points` points need.
    static func scratchCount(_ sizes: [Int], points: Int) -> Int { 3 * points * sizes.reduce(0, +) }

    /// Rows of neurons' values, layer after layer in scratch memory: values, then slopes ω₀ cos(…), then gradients.
    struct Trace: Sendable {
        fileprivate let values: [Matrix]
        fileprivate let slopes: [Matrix]
        fileprivate let gradients: [Matrix]

        /// - Parameter points: the most that are evaluated at a time.
        init(_ sizes: [Int], points: Int, in scratch: Matrix) {
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

    /// *Shapes:* x (points, inputs) → the returned view of the trace (points, outputs).
    func evaluate(_ x: Matrix, _ trace: Trace) -> Matrix {
        let layers = sizes.count - 1
        var input = x
        for layer in 0..<layers {
            let y = trace.values[layer + 1].rows(0..<x.rows)
            Products.multiply(input, parameters[2 * layer], transposingB: true, into: y)
            let bias = parameters[2 * layer + 1].pointer
            for row in 0..<y.rows { ck_add(bias, y.pointer + row * y.stride, y.columns) }
            input = y
            guard layer < layers - 1 else { break }
            let slope = trace.slopes[layer + 1].rows(0..<x.rows)
            ck_contribute(y.pointer, y.pointer, y.count, omega0, 0)
            ck_sincos(y.pointer, y.pointer, slope.pointer, y.count)
            ck_contribute(slope.pointer, slope.pointer, slope.count, omega0, 0)
        }
        return input
    }

    /// Adds to the gradients of the parameters and of the points, where they are wanted, from those of the outputs.
    ///
    /// *Shapes:* x and dx (points, inputs), dy (points, outputs), made from the outputs; dparameters like `parameters`.
    func differentiate(
        _ x: Matrix, dy: (Matrix) -> Matrix, dparameters: [Matrix]?, dx: Matrix?, _ trace: Trace
    ) {
        var gradient = dy(evaluate(x, trace))
        for layer in (0..<sizes.count - 1).reversed() {
            let input = layer == 0 ? x : trace.values[layer].rows(0..<x.rows)
            if let dparameters {
                let (dweight, dbias) = (dparameters[2 * layer], dparameters[2 * layer + 1])
                Products.multiply(gradient, input, transposingA: true, accumulating: true, into: dweight)
                for row in 0..<gradient.rows {
                    ck_add(gradient.pointer + row * gradient.stride, dbias.pointer, gradient.columns)
                }
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
