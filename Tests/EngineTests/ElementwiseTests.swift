import Testing

@testable import Engine

@Suite struct ElementwiseTests {
    @Test("activations agree with float64, in place, on views", arguments: [1, 65])
    func activations(rows: Int) {
        var numbers = Numbers(seed: 2)
        let functions: [(Activation, (Double) -> Double)] = [
            (.relu, { max($0, 0) }), (.gelu, { gelu($0) }), (.sigmoid, { 1 / (1 + exponential(-$0)) }),
        ]
        for (activation, function) in functions {
            let (x, whole) = numbers.view(rows, 7)
            x.write(numbers.floats(x.count, in: -30...30))
            let (before, surroundings) = (x.read(), whole.read())
            let y = evaluate { builder in
                builder.activate(x, activation)
                return x
            }
            #expect(largestError(y, double(before).map(function)) < 5e-6)
            x.write(before)
            #expect(whole.read() == surroundings)
        }
    }

    @Test("the sigmoid saturates instead of overflowing")
    func sigmoidSaturates() {
        let x = Matrix(rows: 1, columns: 4, values: [-1e30, -100, 100, 1e30])
        let y = evaluate { builder in
            builder.activate(x, .sigmoid)
            return x
        }
        #expect(y[0] < 1e-37 && y[1] < 1e-37 && y[2] == 1 && y[3] == 1)
    }

    @Test("sums, copies, factors and standardization work element by element")
    func arithmetic() {
        var numbers = Numbers(seed: 4)
        let (x, _) = numbers.view(70, 5)
        let (y, before) = (numbers.matrix(70, 5), numbers.floats(350))
        y.write(before)
        let sum = evaluate { builder in
            builder.add(x, to: y, factor: -0.5)
            builder.scale(y, by: 4)
            return y
        }
        #expect(largestError(sum, zip(before, x.read()).map { 4 * (Double($0) - 0.5 * Double($1)) }) < 1e-5)

        let copied = evaluate { builder in
            let target = builder.matrix(rows: 70, columns: 5)
            builder.copy(x, to: target)
            return target
        }
        #expect(copied == x.read())

        let (mean, deviation) = (numbers.matrix(1, 5), numbers.matrix(1, 5, in: 0.5...2))
        let standardized = evaluate { builder in
            let target = builder.matrix(rows: 70, columns: 5)
            builder.standardize(x, mean: mean, deviation: deviation, into: target)
            return target
        }
        let reference = (0..<350).map {
            (x.element($0 / 5, $0 % 5) - mean.element(0, $0 % 5)) / deviation.element(0, $0 % 5)
        }
        #expect(largestError(standardized, reference) < 1e-5)
    }

    @Test("the gated GELU multiplies the first half by the GELU of the second")
    func gatedGELU() {
        var numbers = Numbers(seed: 6)
        let x = numbers.matrix(67, 10, in: -3...3)
        let y = evaluate { $0.gatedGELU(x) }
        let reference = (0..<67).flatMap { row in
            (0..<5).map { x.element(row, $0) * gelu(x.element(row, 5 + $0)) }
        }
        #expect(largestError(y, reference) < 3e-6)
    }

    @Test("Fourier features take every kernel position apart", arguments: [(1, 1), (2, 1), (1, 9), (3, 4)])
    func fourierFeatures(channels: Int, kernelCount: Int) {
        var numbers = Numbers(seed: 8)
        let (rows, count) = (66, 5)
        let (x, _) = numbers.view(rows, channels * kernelCount)
        let frequencies = numbers.matrix(channels, count, in: -3...3)
        let y = evaluate { builder in
            let target = builder.matrix(rows: rows, columns: 2 * count * kernelCount)
            builder.fourierFeatures(x, frequencies: frequencies, kernelCount: kernelCount, into: target)
            return target
        }
        var reference: [Double] = []
        for row in 0..<rows {
            for feature in 0..<2 * count {
                for position in 0..<kernelCount {
                    let angle = (0..<channels).reduce(0.0) {
                        $0 + x.element(row, $1 * kernelCount + position) * frequencies.element($1, feature % count)
                    }
                    let turned = 2 * Double.pi * angle
                    reference.append(feature < count ? sine(turned) : cosine(turned))
                }
            }
        }
        #expect(largestError(y, reference) < 1e-5)
    }

    @Test("norms use their own divisor", arguments: [2, 3, 17, 64])
    func norms(columns: Int) {
        var numbers = Numbers(seed: 10)
        let (x, _) = numbers.view(66, columns)
        let (gamma, beta) = (numbers.matrix(1, columns), numbers.matrix(1, columns))
        for kind in [NormalizationKind.standard, .unbiased] {
            let y = evaluate { $0.normalize(x, Normalization(kind: kind, gamma: gamma, beta: beta)) }
            let reference = (0..<66).flatMap { row in
                let values = (0..<columns).map { x.element(row, $0) }
                let mean = values.reduce(0, +) / Double(columns)
                let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                let divisor =
                    switch kind {
                    case .standard: (squares / Double(columns) + 1e-5).squareRoot()
                    case .unbiased: (squares / Double(columns - 1)).squareRoot() + 1e-5
                    }
                return values.indices.map {
                    (values[$0] - mean) / divisor * gamma.element(0, $0) + beta.element(0, $0)
                }
            }
            // For two columns of similar values, a small difference is divided by a small deviation.
            #expect(largestError(y, reference) < 2e-4 / Double(columns))
        }
    }

    @Test("the norm of a constant row is its offset")
    func normOfConstantRow() {
        var numbers = Numbers(seed: 12)
        let (gamma, beta) = (numbers.matrix(1, 4), numbers.matrix(1, 4))
        let x = Matrix(rows: 1, columns: 4, values: [7, 7, 7, 7])
        for kind in [NormalizationKind.standard, .unbiased] {
            #expect(evaluate { $0.normalize(x, Normalization(kind: kind, gamma: gamma, beta: beta)) } == beta.read())
        }
    }
}
