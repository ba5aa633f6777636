import CKernels
import Testing

@testable import Engine

/// The C kernels against the C library in float64.
@Suite struct KernelTests {
    private func map(
        _ x: [Float], _ kernel: (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void
    ) -> [Float] {
        var y = [Float](repeating: .nan, count: x.count)
        kernel(x, &y, x.count)
        return y
    }

    private static func grid(_ first: Float, _ last: Float, _ count: Int) -> [Float] {
        (0..<count).map { first + (last - first) * Float($0) / Float(count - 1) }
    }

    @Test("gelu is within 2e-7 of the exact function, relative to x where that is larger than one")
    func geluIsAccurate() {
        let x = Self.grid(-12, 12, 40_001) + [-1e30, -100, -0.0, 0, 1e-30, 1e-10, 100, 1e30]
        let worst = zip(map(x, ck_gelu), x).map { own, x in
            abs(Double(own) - gelu(Double(x))) / max(1, abs(Double(x)))
        }
        #expect(worst.allSatisfy { $0 <= 2e-7 }, "\(worst.max() ?? 0)")
    }

    @Test("gelu keeps its accuracy relative to itself, also where little is left of a negative x")
    func geluOfNegatives() {
        let x = Self.grid(-3, 3, 30_001).filter { $0 != 0 }
        let worst = zip(map(x, ck_gelu), x).map { own, x in abs(Double(own) / gelu(Double(x)) - 1) }
        #expect(worst.allSatisfy { $0 <= 2e-6 }, "\(worst.max() ?? 0)")
    }

    @Test("gelu of infinities and of no number")
    func geluAtTheEnds() {
        let y = map([.infinity, -.infinity, .nan], ck_gelu)
        #expect(y[0] == .infinity && y[1] == 0 && y[2].isNaN)
    }

    @Test("sigmoid and relu are what they are called")
    func sigmoidIsAccurate() {
        let x = Self.grid(-80, 80, 30_001)
        let worst = zip(map(x, ck_sigmoid), x).map { own, x in abs(Double(own) * (1 + exponential(-Double(x))) - 1) }
        #expect(worst.allSatisfy { $0 <= 3e-7 }, "\(worst.max() ?? 0)")
        #expect(map([.nan], ck_sigmoid)[0].isNaN)
        #expect(map(x, ck_relu) == x.map { max($0, 0) })
    }

    @Test("exp is within 2e-7 of the value, relatively, from -87 to 88")
    func expIsAccurate() {
        let x = Self.grid(-87, 88, 70_001) + [0, 1, -1, 1e-20]
        let worst = zip(map(x, ck_exp), x).map { own, x in
            let reference = exponential(Double(x))
            return abs(Double(own) - reference) / reference
        }
        #expect(worst.allSatisfy { $0 <= 2e-7 }, "\(worst.max() ?? 0)")
    }

    @Test("exp underflows to zero and never overflows")
    func expAtTheEnds() {
        #expect(map([-88, -100, -1e30, -.infinity], ck_exp) == [0, 0, 0, 0])
        #expect(map([88.5, 1000, .infinity], ck_exp).allSatisfy { $0.isFinite && $0 > 1e38 })
        #expect(map([.nan], ck_exp)[0].isNaN)
    }

    @Test("sine and cosine are within 2e-7 for small, large and huge arguments")
    func sincosIsAccurate() {
        var numbers = Numbers(seed: 1)
        let x =
            numbers.floats(20_000, in: -8192...8192) + numbers.floats(10_000, in: -4...4)
            + (-5215...5215).map { Float(Double($0) * Double.pi / 2) }
            + [0, -0.0, 1e-30, 8192, -8192, 8193, -10_000, 1e6, -1e10, 1e30]
        var s = [Float](repeating: .nan, count: x.count)
        var c = s
        ck_sincos(x, &s, &c, x.count)
        #expect(largestError(s, x.map { sine(Double($0)) }) <= 2e-7)
        #expect(largestError(c, x.map { cosine(Double($0)) }) <= 2e-7)
    }

    @Test(
        "a layer of sines has the bits of its three steps, also beyond the range of the approximation",
        arguments: [1, 5, 32, 47])
    func sineLayer(columns: Int) {
        var numbers = Numbers(seed: 2)
        let rows = 9
        let bias = numbers.floats(columns)
        var y = numbers.floats(rows * columns, in: -3...3)
        y[4 * columns] = 1e5
        var s = y.enumerated().map { ($1 + bias[$0 % columns]) * 30 }
        var c = s
        for row in 0..<rows {
            let own = row * columns..<(row + 1) * columns
            var (sines, cosines) = (Array(s[own]), Array(s[own]))
            ck_sincos(Array(s[own]), &sines, &cosines, columns)
            s.replaceSubrange(own, with: sines)
            c.replaceSubrange(own, with: cosines.map { $0 * 30 })
        }
        var slope = y
        ck_sine_layer(bias, 30, &y, &slope, rows, columns)
        #expect(y == s)
        #expect(slope == c)
    }

    @Test("a row is added to every row, and nothing between them changes", arguments: [1, 16, 37])
    func addToRows(columns: Int) {
        var numbers = Numbers(seed: 4)
        let (rows, step) = (5, columns + 3)
        let x = numbers.floats(columns)
        var y = numbers.floats(rows * step)
        let wanted = y.enumerated().map { $0 % step < columns ? $1 + x[$0 % step] : $1 }
        ck_add_blocks(x, 0, &y, step, columns, rows)
        #expect(y == wanted)
    }

    @Test("sine and cosine of what is no finite number are no numbers")
    func sincosOfInfinity() {
        let x: [Float] = [.infinity, -.infinity, .nan, 1]
        var s = [Float](repeating: 0, count: 4)
        var c = s
        ck_sincos(x, &s, &c, 4)
        #expect((s + c).filter(\.isNaN).count == 6)
        #expect(abs(s[3] - 0.841_471) < 1e-6)
    }

    @Test(
        "softmax agrees with float64 for any length, spread and scale",
        arguments: [1, 2, 3, 7, 8, 16, 17, 35, 64, 1001])
    func softmaxIsAccurate(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        for (spread, scale) in [(Float(1), Float(1)), (30, 0.25), (1e4, 1), (0, 3)] {
            let x = numbers.floats(count, in: -spread...spread)
            let y = map(x) { ck_softmax($0, $1, $2, scale) }
            let reference = softmax(x.map { Double($0 * scale) })
            #expect(largestError(y, reference) <= 1e-6)
            #expect(abs(double(y).reduce(0, +) - 1) <= 1e-6)
            var inPlace = x
            inPlace.withUnsafeMutableBufferPointer { ck_softmax($0.baseAddress, $0.baseAddress, count, scale) }
            #expect(inPlace == y)
        }
    }

    @Test("softmax and its gradient leave no trace beside their row", arguments: [1, 5, 16, 19, 35])
    func softmaxKeepsToItsRow(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let margin = 20
        var (x, gradient) = (numbers.floats(count + 2 * margin), numbers.floats(count + 2 * margin))
        let before = (x, gradient)
        let reference = softmax(before.0[margin..<margin + count].map { Double($0) * 2 })
        let weighted = reference.indices.map { reference[$0] * Double(before.1[margin + $0]) }.reduce(0, +)
        x.withUnsafeMutableBufferPointer { x in
            gradient.withUnsafeMutableBufferPointer { gradient in
                let own = x.baseAddress.map { $0 + margin }
                ck_softmax(own, own, count, 2)
                ck_softmax_adjoint(own, gradient.baseAddress.map { $0 + margin }, count, 2)
            }
        }
        let expected = reference.indices.map { reference[$0] * (Double(before.1[margin + $0]) - weighted) * 2 }
        #expect(largestError(Array(gradient[margin..<margin + count]), expected) < 2e-6)
        for edge in [0..<margin, count + margin..<count + 2 * margin] {
            #expect(x[edge] == before.0[edge] && gradient[edge] == before.1[edge])
        }
    }

    @Test("softmax of one element is one, and works in place")
    func softmaxOfOne() {
        var x: [Float] = [-1e30]
        x.withUnsafeMutableBufferPointer { ck_softmax($0.baseAddress, $0.baseAddress, 1, 5) }
        #expect(x == [1])
    }

    @Test("moments are the mean and the sum of squared deviations", arguments: [1, 2, 3, 7, 8, 17, 65, 256])
    func momentsAreAccurate(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let x = numbers.floats(count, in: 9...11)
        var mean: Float = 0
        var squares: Float = 0
        ck_moments(x, count, &mean, &squares)
        let exact = double(x).reduce(0, +) / Double(count)
        #expect(abs(Double(mean) - exact) < 2e-5)
        #expect(abs(Double(squares) - double(x).reduce(0) { $0 + ($1 - exact) * ($1 - exact) }) < 1e-4)
        if count == 1 { #expect(squares == 0) }
    }

    @Test("rows are normalized one by one, by either deviation", arguments: [2, 3, 8, 17, 32, 64, 65])
    func normalization(count: Int) {
        let (rows, step) = (21, count + 3)
        var numbers = Numbers(seed: UInt64(count))
        let x = numbers.floats(rows * step, in: 2...4)
        let (gamma, beta) = (numbers.floats(count), numbers.floats(count))
        for unbiased in [false, true] {
            var y = [Float](repeating: -1, count: rows * count)
            ck_normalize(x, step, &y, count, rows, count, unbiased ? 1 : 0, gamma, beta)
            let reference = (0..<rows).flatMap { row in
                let values = double(Array(x[row * step..<row * step + count]))
                let mean = values.reduce(0, +) / Double(count)
                let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                let deviation =
                    unbiased
                    ? (squares / Double(count - 1)).squareRoot() + 1e-5 : (squares / Double(count) + 1e-5).squareRoot()
                return values.indices.map { (values[$0] - mean) / deviation * Double(gamma[$0]) + Double(beta[$0]) }
            }
            #expect(largestError(y, reference) < 2e-5)
        }
    }

    @Test("a row is normalized to the same bits among others and alone", arguments: [17, 32, 48])
    func normalizedRowsDoNotDependOnOthers(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let rows = 23
        let x = numbers.floats(rows * count)
        let (gamma, beta) = (numbers.floats(count), numbers.floats(count))
        var y = [Float](repeating: -1, count: rows * count)
        ck_normalize(x, count, &y, count, rows, count, 1, gamma, beta)
        for row in 0..<rows {
            var own = [Float](repeating: -1, count: count)
            ck_normalize(Array(x[row * count..<(row + 1) * count]), count, &own, count, 1, count, 1, gamma, beta)
            #expect(own == Array(y[row * count..<(row + 1) * count]))
        }
    }

    @Test("gradients of norms agree with float64, with and without a base", arguments: [3, 16, 17, 32, 40])
    func normGradients(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let (rows, step) = (21, count + 3)
        let (x, dy, base) = (numbers.floats(rows * step), numbers.floats(rows * step), numbers.floats(rows * step))
        let gamma = numbers.floats(count)
        for unbiased in [false, true] {
            var (expected, gain, offset) = ([Double](), [Double](), [Double]())
            gain = [Double](repeating: 1, count: count)
            offset = gain
            for row in 0..<rows {
                let values = double(Array(x[row * step..<row * step + count]))
                let own = double(Array(dy[row * step..<row * step + count]))
                let mean = values.reduce(0, +) / Double(count)
                let d = values.map { $0 - mean }
                let variance = d.reduce(0) { $0 + $1 * $1 } / Double(unbiased ? count - 1 : count)
                let divisor = unbiased ? variance.squareRoot() + 1e-5 : (variance + 1e-5).squareRoot()
                // The derivative of the divisor with respect to the sum of d² / 2, divided by the divisor.
                let slope =
                    unbiased ? 1 / (variance.squareRoot() * Double(count - 1)) : 1 / (divisor * Double(count))
                let g = (0..<count).map { own[$0] * Double(gamma[$0]) }
                let meanG = g.reduce(0, +) / Double(count)
                let projected = zip(g, d).reduce(0) { $0 + $1.0 * $1.1 }
                for column in 0..<count {
                    expected.append(
                        (g[column] - meanG) / divisor - slope / (divisor * divisor) * d[column] * projected)
                    gain[column] += own[column] * d[column] / divisor
                    offset[column] += own[column]
                }
            }
            for hasBase in [false, true] {
                var dx = [Float](repeating: -1, count: rows * count)
                var (dgamma, dbeta) = ([Float](repeating: 1, count: count), [Float](repeating: 1, count: count))
                base.withUnsafeBufferPointer { base in
                    ck_norm_adjoint(
                        x, step, dy, step, rows, count, unbiased ? 1 : 0, gamma, &dx, count,
                        hasBase ? base.baseAddress : nil, step, &dgamma, &dbeta)
                }
                let sums = expected.indices.map {
                    expected[$0] + (hasBase ? Double(base[$0 / count * step + $0 % count]) : 0)
                }
                #expect(largestError(dx, sums) < 2e-5 * max(1, sums.map(abs).max() ?? 1))
                #expect(largestError(dgamma, gain) < 2e-5)
                #expect(largestError(dbeta, offset) < 2e-5)
            }
        }
    }

    @Test("sums of rows are added to what is there", arguments: [1, 31, 32, 70])
    func rowSums(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let (rows, step) = (9, count + 5)
        let x = numbers.floats(rows * step)
        let before = numbers.floats(count)
        var y = before
        ck_add_rows(x, step, rows, &y, count)
        #expect(y == (0..<count).map { column in (0..<rows).reduce(before[column]) { $0 + x[$1 * step + column] } })
    }

    @Test(
        "entries of tokens are gathered and scattered in either order of tokens and neurons",
        arguments: [4, 5, 8, 16, 19, 32], [1, 3])
    func entries(width: Int, parts: Int) {
        let (tokens, neurons) = (5, 7)
        var numbers = Numbers(seed: UInt64(width))
        let entry = parts * width + 3
        let table = numbers.floats(tokens * neurons * entry)
        let (tokenStep, partStep) = (neurons * width + 6, 1000 + tokens * (neurons * width + 6))
        for (own, other) in [(entry, tokens * entry), (neurons * entry, entry)] {
            var gathered = [Float](repeating: -1, count: parts * partStep)
            ck_gather_entries(table, own, other, tokens, neurons, parts, width, &gathered, partStep, tokenStep)
            var expected = [Float](repeating: -1, count: parts * partStep)
            for (part, token, neuron) in Self.places(parts, tokens, neurons) {
                for index in 0..<width {
                    expected[part * partStep + token * tokenStep + neuron * width + index] =
                        table[token * own + neuron * other + part * width + index]
                }
            }
            #expect(gathered == expected)
            for isAdded in [false, true] {
                var scattered = numbers.floats(table.count)
                var sums = scattered
                ck_scatter_entries(
                    gathered, partStep, tokenStep, parts, width, &scattered, own, other, tokens, neurons,
                    isAdded ? 1 : 0)
                for (part, token, neuron) in Self.places(parts, tokens, neurons) {
                    for index in 0..<width {
                        let place = token * own + neuron * other + part * width + index
                        sums[place] = table[place] + (isAdded ? sums[place] : 0)
                    }
                }
                #expect(scattered == sums)
            }
        }
    }

    private static func places(_ parts: Int, _ tokens: Int, _ neurons: Int) -> [(Int, Int, Int)] {
        (0..<parts).flatMap { part in
            (0..<tokens).flatMap { token in (0..<neurons).map { (part, token, $0) } }
        }
    }

    @Test("means and sums of rows that lie apart", arguments: [1, 7, 31, 32, 33, 64, 80])
    func rowsApart(count: Int) {
        let (rows, step) = (6, count + 5)
        var numbers = Numbers(seed: UInt64(count))
        let x = numbers.floats(rows * step)
        var mean = [Float](repeating: .nan, count: count)
        ck_mean_row(x, step, rows, &mean, count)
        #expect(
            mean
                == (0..<count).map { column in
                    Float((0..<rows).reduce(0.0) { $0 + Double(x[$1 * step + column]) } * (1 / Double(rows)))
                })

        for xStep in [0, step] {
            var y = numbers.floats(rows * step)
            let before = y
            ck_add_blocks(x, xStep, &y, step, count, rows)
            for index in y.indices {
                let (row, column) = (index / step, index % step)
                #expect(y[index] == before[index] + (column < count ? x[row * xStep + column] : 0))
            }
        }
    }

    @Test("row arithmetic covers every element, whatever the length", arguments: [1, 2, 7, 8, 9, 33])
    func rowArithmetic(count: Int) {
        var numbers = Numbers(seed: UInt64(count))
        let (x, gamma) = (numbers.floats(count), numbers.floats(count))
        var sum = gamma
        ck_add(x, &sum, count)
        #expect(sum == zip(gamma, x).map { $0 + $1 })
        ck_add_scaled(x, &sum, count, -2)
        #expect(largestError(sum, zip(gamma, x).map { Double($0) - Double($1) }) < 1e-6)

        var total = [Double](repeating: 1, count: count)
        ck_accumulate(x, &total, count)
        #expect(total == x.map { 1 + Double($0) })
        #expect(map(x) { _, y, count in ck_store(total, y, count, 0.5) } == total.map { Float($0 * 0.5) })
    }
}
