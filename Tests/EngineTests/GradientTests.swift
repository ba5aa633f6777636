import Foundation
import Testing

@testable import Engine

/// Gradients against central differences of the forward pass.
@Suite struct GradientTests {
    /// A computation of some inputs, and how they are drawn.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let inputs: @Sendable (inout Numbers) -> [Matrix]
        let record: @Sendable (PlanBuilder, [Matrix]) -> Matrix

        init(
            _ name: String, _ inputs: @escaping @Sendable (inout Numbers) -> [Matrix],
            _ record: @escaping @Sendable (PlanBuilder, [Matrix]) -> Matrix
        ) {
            (self.name, self.inputs, self.record) = (name, inputs, record)
        }

        var testDescription: String { name }
    }

    @Test("gradients are what finite differences say", arguments: Case.all)
    func gradientsAgree(_ input: Case) {
        var numbers = Numbers(seed: 17)
        let inputs = input.inputs(&numbers)
        let builder = PlanBuilder(recordsGradients: true)
        builder.track(inputs)
        let output = input.record(builder, inputs)
        let weights = numbers.matrix(output.rows, output.columns)
        builder.differentiate([(output, weights)])
        let gradients = inputs.map(builder.gradient)
        let plan = builder.finish(keeping: [output] + gradients)
        let pool = WorkerPool(threads: 1)
        func value() -> Double {
            plan.run(pool)
            return zip(output.read(), weights.read()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        _ = value()
        let computed = gradients.map { $0.read() }
        for (index, matrix) in inputs.enumerated() {
            let own = matrix.read()
            for element in own.indices {
                let step: Float = 4e-3
                var moved = own
                moved[element] = own[element] + step
                matrix.write(moved)
                let above = value()
                moved[element] = own[element] - step
                matrix.write(moved)
                let below = value()
                matrix.write(own)
                let expected = (above - below) / Double(2 * step)
                let error = abs(Double(computed[index][element]) - expected)
                #expect(
                    error < 4e-3 * max(1, abs(expected)),
                    "input \(index), element \(element): \(computed[index][element]), expected \(expected)")
            }
        }
    }

    /// Maps and feed-forward parts of two arrays, as one step each or step by step.
    private static func record(
        _ builder: PlanBuilder, _ x: [Matrix], _ p: [Matrix], inBlocks: Bool
    ) -> [Matrix] {
        let norm = Normalization(kind: .unbiased, gamma: p[0], beta: p[1])
        let shared = AffineMap(weight: p[2], bias: p[3])
        let (expand, contract) = (AffineMap(weight: p[4], bias: p[5]), AffineMap(weight: p[6], bias: p[7]))
        let mapped = x.map { builder.matrix(rows: $0.rows, columns: shared.outputs) }
        let results = x.map { builder.matrix(rows: $0.rows, columns: shared.outputs) }
        if inBlocks {
            builder.map(zip(x, mapped).map { NormalizedMap($0, norm, shared, into: $1) })
            builder.feedForward(
                zip(mapped, results).map { FeedForward($0, norm, expand: expand, contract: contract, into: $1) })
            return results
        }
        for (index, own) in x.enumerated() {
            builder.apply(shared, to: builder.normalize(own, norm), into: mapped[index])
            let hidden = builder.apply(expand, to: builder.normalize(mapped[index], norm))
            builder.activate(hidden, .gelu)
            builder.copy(mapped[index], to: results[index])
            builder.apply(contract, to: hidden, into: results[index], accumulating: true)
        }
        return results
    }

    @Test("blocks of tokens have the gradients of their single steps", arguments: [20, 32])
    func blocksAgreeWithSteps(channels: Int) {
        var numbers = Numbers(seed: UInt64(channels))
        let x = [numbers.matrix(230, channels), numbers.matrix(5, channels)]
        let parameters = [
            (1, channels), (1, channels), (channels, channels), (1, channels), (2 * channels, channels),
            (1, 2 * channels), (channels, 2 * channels), (1, channels),
        ].map { numbers.matrix($0.0, $0.1) }
        let cotangents = x.map { numbers.matrix($0.rows, channels) }
        let computed = [true, false].map { inBlocks in
            let builder = PlanBuilder(recordsGradients: true)
            builder.track(x + parameters)
            let results = Self.record(builder, x, parameters, inBlocks: inBlocks)
            builder.differentiate(zip(results, cotangents).map { ($0, $1) })
            let gradients = (x + parameters).map(builder.gradient)
            builder.finish(keeping: results + gradients).run(WorkerPool(threads: 1))
            return (results + gradients).map { $0.read() }
        }
        for (own, expected) in zip(computed[0], computed[1]) {
            let size = expected.reduce(1) { max($0, abs($1)) }
            #expect(largestError(own, double(expected)) < 1e-5 * Double(size))
        }
    }

    @Test("a parameter that no output depends on has no gradient")
    func gradientIfAny() {
        var numbers = Numbers(seed: 4)
        let (x, weight, unused) = (numbers.matrix(3, 4), numbers.matrix(2, 4), numbers.matrix(2, 2))
        let builder = PlanBuilder(recordsGradients: true)
        builder.track([weight, unused])
        let y = builder.apply(AffineMap(weight: weight, bias: nil), to: x)
        builder.differentiate([(y, numbers.matrix(3, 2))])
        #expect(builder.gradientIfAny(of: weight) != nil)
        #expect(builder.gradientIfAny(of: unused) == nil)
    }

    @Test("a gradient that nothing depends on is zero, and untracked matrices cost nothing")
    func unusedInputs() {
        var numbers = Numbers(seed: 1)
        let (used, unused, untracked) = (numbers.matrix(3, 4), numbers.matrix(2, 2), numbers.matrix(2, 4))
        let builder = PlanBuilder(recordsGradients: true)
        builder.track([used, unused])
        let y = builder.apply(AffineMap(weight: untracked, bias: nil), to: used)
        builder.differentiate([(y, numbers.matrix(3, 2))])
        let gradient = builder.gradient(of: unused)
        builder.finish(keeping: [y, gradient]).run(WorkerPool(threads: 1))
        #expect(gradient.read() == [0, 0, 0, 0])
    }

    @Test("running a plan again gives the same gradients, not twice as much")
    func runsRepeat() {
        var numbers = Numbers(seed: 2)
        let (x, weight) = (numbers.matrix(5, 3), numbers.matrix(4, 3))
        let builder = PlanBuilder(recordsGradients: true)
        builder.track([x, weight])
        let y = builder.apply(AffineMap(weight: weight, bias: nil), to: x)
        builder.activate(y, .gelu)
        builder.differentiate([(y, numbers.matrix(5, 4))])
        let gradients = [x, weight].map(builder.gradient)
        let plan = builder.finish(keeping: [y] + gradients)
        plan.run(WorkerPool(threads: 1))
        let first = gradients.map { $0.read() }
        plan.run(WorkerPool(threads: 4))
        #expect(gradients.map { $0.read() } == first)
        #expect(first.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test("covered ranges merge, and their gaps are what is left")
    func coveredRanges() {
        var ranges = CoveredRanges()
        #expect(ranges.gaps(in: 0..<4) == [0..<4])
        ranges.insert(2..<4)
        ranges.insert(8..<10)
        #expect(ranges.gaps(in: 0..<12) == [0..<2, 4..<8, 10..<12])
        ranges.insert(4..<8)
        #expect(ranges.gaps(in: 0..<12) == [0..<2, 10..<12])
        #expect(ranges.overlaps(9..<20) && !ranges.overlaps(10..<20) && !ranges.overlaps(0..<2))
    }
}

extension GradientTests.Case {
    static let all = products + blocks + rows + attention + neuronAttention + sines + pictures

    private static let products = [
        Self("affine map") {
            [$0.matrix(7, 5), $0.matrix(3, 5), $0.matrix(1, 3)]
        } _: {
            $0.apply(AffineMap(weight: $1[1], bias: $1[2]), to: $1[0])
        },
        Self("affine map of a column view, added to something") {
            [$0.matrix(4, 6), $0.matrix(2, 3), $0.matrix(4, 2)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 4, columns: 2)
            builder.copy(inputs[2], to: y)
            builder.apply(
                AffineMap(weight: inputs[1], bias: nil), to: inputs[0].columns(2..<5), into: y, accumulating: true)
            return y
        },
        Self("propagation") {
            [$0.matrix(2 * 4 * 3, 1), $0.matrix(2 * 3, 2)]
        } _: {
            $0.propagate($1[0], outputs: 4, inputs: 3, $1[1])
        },
        Self("propagation backwards") {
            [$0.matrix(2 * 4 * 3, 1), $0.matrix(2 * 4, 2)]
        } _: {
            $0.propagate($1[0], outputs: 4, inputs: 3, $1[1], transposed: true)
        },
        Self("patches with a margin") {
            [$0.matrix(2 * 4 * 5, 2)]
        } _: {
            $0.patches($1[0], PatchGrid(height: 4, width: 5, side: 3, margin: 1))
        },
        Self("patches in steps") {
            [$0.matrix(2 * 4 * 6, 3)]
        } _: {
            $0.patches($1[0], PatchGrid(height: 4, width: 6, side: 2, step: 2))
        },
    ]

    private static let blocks = [
        Self("normalized maps of two arrays that share a map") {
            [$0.matrix(3, 4), $0.matrix(2, 4), $0.matrix(1, 4), $0.matrix(1, 4), $0.matrix(3, 4), $0.matrix(1, 3)]
        } _: { builder, inputs in
            let norm = Normalization(kind: .standard, gamma: inputs[2], beta: inputs[3])
            let map = AffineMap(weight: inputs[4], bias: inputs[5])
            let y = builder.matrix(rows: 5, columns: 3)
            builder.map([
                NormalizedMap(inputs[0], norm, map, into: y.rows(0..<3)),
                NormalizedMap(inputs[1], norm, map, into: y.rows(3..<5)),
            ])
            return y
        },
        Self("feed-forward of tokens that something else reads, too") {
            [
                $0.matrix(3, 4), $0.matrix(1, 4), $0.matrix(1, 4), $0.matrix(5, 4), $0.matrix(1, 5), $0.matrix(4, 5),
                $0.matrix(1, 4),
            ]
        } _: { builder, inputs in
            let part = FeedForward(
                inputs[0], Normalization(kind: .unbiased, gamma: inputs[1], beta: inputs[2]),
                expand: AffineMap(weight: inputs[3], bias: inputs[4]),
                contract: AffineMap(weight: inputs[5], bias: inputs[6]),
                into: builder.matrix(rows: 3, columns: 4))
            builder.feedForward([part])
            builder.add(inputs[0], to: part.y, factor: 0.5)
            return part.y
        },
    ]

    private static let rows = [
        Self("standard norm") {
            [$0.matrix(4, 6), $0.matrix(1, 6), $0.matrix(1, 6)]
        } _: {
            $0.normalize($1[0], Normalization(kind: .standard, gamma: $1[1], beta: $1[2]))
        },
        Self("unbiased norm") {
            [$0.matrix(4, 6), $0.matrix(1, 6), $0.matrix(1, 6)]
        } _: {
            $0.normalize($1[0], Normalization(kind: .unbiased, gamma: $1[1], beta: $1[2]))
        },
        Self("mean, broadcast and swapped axes") {
            [$0.matrix(12, 3)]
        } _: { builder, inputs in
            let axes = Axes(outer: 2, middle: 3, inner: 2)
            let mean = builder.matrix(rows: 4, columns: 3)
            builder.mean(inputs[0], axes, into: mean)
            let y = builder.matrix(rows: 12, columns: 3)
            builder.swapAxes(inputs[0], axes, into: y)
            builder.broadcast(mean, axes, into: y)
            return y
        },
        Self("maximum") {
            [$0.matrix(6, 5)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 2, columns: 5)
            builder.maximum(inputs[0], Axes(outer: 2, middle: 3), into: y)
            return y
        },
        Self("repeated columns, scaled") {
            [$0.matrix(2, 3), $0.matrix(1, 1)]
        } _: { builder, inputs in
            let repeated = builder.repeatColumns(inputs[0], 3)
            let y = builder.matrix(rows: 2, columns: 9)
            builder.scale(repeated, by: inputs[1], into: y)
            builder.scale(y, by: 0.5)
            return y
        },
        Self("GELU, sigmoid and sine") {
            [$0.matrix(6, 5, in: -2...2)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 6, columns: 5)
            builder.copy(inputs[0], to: y)
            builder.activate(y.rows(0..<2), .gelu)
            builder.activate(y.rows(2..<4), .sigmoid)
            builder.activate(y.rows(4..<6), .sine)
            return y
        },
        Self("ReLU") { numbers in
            // Far enough from 0 for a small step not to cross it.
            [Matrix(rows: 4, columns: 5, values: (0..<20).shuffled(using: &numbers).map { Float($0) / 10 - 0.95 })]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 4, columns: 5)
            builder.copy(inputs[0], to: y)
            builder.activate(y, .relu)
            return y
        },
        Self("gated GELU") {
            [$0.matrix(3, 8)]
        } _: {
            $0.gatedGELU($1[0])
        },
        Self("mixed rows") {
            [$0.matrix(6, 2)]
        } _: {
            $0.mixRows($1[0], share: Matrix(rows: 3, columns: 1, values: [0.9, 0.5, 0.7]))
        },
        Self("cross-entropy") {
            [$0.matrix(3, 4)]
        } _: {
            $0.crossEntropy($1[0], Matrix(rows: 3, columns: 4, values: [1, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0, 0, 1, 0]))
        },
        Self("squared error") {
            [$0.matrix(3, 4)]
        } _: {
            $0.squaredError($1[0], Matrix(rows: 3, columns: 4, values: (0..<12).map { Float($0) / 6 }))
        },
        Self("statistics") { numbers in
            // Far enough apart for a small step not to change their order.
            [Matrix(rows: 10, columns: 2, values: (0..<20).shuffled(using: &numbers).map { Float($0) / 10 })]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 2, columns: 14)
            builder.statistics(inputs[0], batch: 2, kernelCount: 1, pieces: 7, first: 0, into: y)
            return y
        },
    ]

    private static let attention = [
        Self("attention") {
            [$0.matrix(2 * 3, 4), $0.matrix(2 * 5, 4), $0.matrix(2 * 5, 6)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 6, columns: 6)
            builder.attention(
                q: inputs[0], HeadColumns(width: 2), k: inputs[1], HeadColumns(width: 2), v: inputs[2],
                HeadColumns(width: 3), AttentionShape(batch: 2, heads: 2, queries: 3, keys: 5), into: y)
            return y
        },
        Self("attention whose weights are computed again") {
            [$0.matrix(13, 1), $0.matrix(13, 1), $0.matrix(13, 1)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 13, columns: 1)
            let columns = HeadColumns(width: 1)
            builder.attention(
                q: inputs[0], columns, k: inputs[1], columns, v: inputs[2], columns,
                AttentionShape(batch: 1, heads: 1, queries: 13, keys: 13), into: y)
            return y
        },
        Self("attention with shared queries over many keys") {
            [$0.matrix(2, 3), $0.matrix(2 * 70, 3)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 4, columns: 3)
            let columns = HeadColumns(width: 3)
            builder.attention(
                q: inputs[0], columns, k: inputs[1], columns, v: inputs[1], columns,
                AttentionShape(batch: 2, heads: 1, queries: 2, keys: 70, sharesQueries: true), into: y)
            return y
        },
    ]

    /// Neuron attention in a network 2-4-3; what it reads are `qkv`'s rows, what it adds to are `out`'s, w0, b0, w1.
    private static func neuronAttention(_ builder: PlanBuilder, batch: Int, qkv: Matrix, out: [Matrix]) {
        let starts = [0, 8 * batch, 12 * batch, 24 * batch]
        func source(_ array: Int, tokens: Int, tokenStride: Int, neuronStride: Int) -> NeuronTokens {
            NeuronTokens(
                qkv: qkv.rows(starts[array]..<starts[array + 1]), out: out[array], tokens: tokens,
                networkStride: [8, 4, 12][array], tokenStride: tokenStride, neuronStride: neuronStride)
        }
        builder.neuronAttention(
            [
                NeuronGroup(neurons: 2, sources: [source(0, tokens: 4, tokenStride: 2, neuronStride: 1)]),
                NeuronGroup(
                    neurons: 4,
                    sources: [
                        source(0, tokens: 2, tokenStride: 1, neuronStride: 2),
                        source(1, tokens: 1, tokenStride: 0, neuronStride: 1),
                        source(2, tokens: 3, tokenStride: 4, neuronStride: 1),
                    ]),
            ], batch: batch, heads: 2, width: 1)
    }

    private static let neuronAttention = [
        Self("neuron attention, added to something") {
            [$0.matrix(2 * 24, 6), $0.matrix(2 * 24, 2)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 48, columns: 2)
            builder.copy(inputs[1], to: y)
            neuronAttention(
                builder, batch: 2, qkv: inputs[0], out: [y.rows(0..<16), y.rows(16..<24), y.rows(24..<48)])
            return y
        },
        Self("neuron attention of which one array's results are used") {
            [$0.matrix(24, 6)]
        } _: { builder, inputs in
            let out = [8, 4, 12].map { builder.matrix(rows: $0, columns: 2) }
            for matrix in out {
                builder.broadcast(
                    Matrix(zeros: 1, 2), Axes(outer: 1, middle: matrix.rows), into: matrix, overwriting: true)
            }
            neuronAttention(builder, batch: 1, qkv: inputs[0], out: out)
            return out[2]
        },
    ]

    private static let sines = [
        Self("Fourier features") {
            [$0.matrix(3, 2, in: -0.2...0.2)]
        } _: { builder, inputs in
            let y = builder.matrix(rows: 3, columns: 6)
            let frequencies = Matrix(rows: 2, columns: 3, values: [0.5, -1, 0.2, 0.3, 0.7, -0.4])
            builder.fourierFeatures(inputs[0], frequencies: frequencies, kernelCount: 1, into: y)
            return y
        },
        Self("sine networks at learned points") { numbers in
            [(4, 8), (2, 4), (2, 12), (2, 3), (2, 3), (2, 1)].map {
                numbers.matrix($0.0 == 4 ? 5 : 2, $0.0 == 4 ? 2 : $0.1)
            }
                + [numbers.matrix(2, 8)]
        } _: { builder, inputs in
            // points, b0, w1, b1, w2, b2, w0
            let y = builder.matrix(rows: 10, columns: 1)
            builder.evaluateSines(
                [inputs[6], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5]], sizes: [2, 4, 3, 1], omega0: 1.5,
                at: inputs[0], batch: 2, into: y)
            return y
        },
    ]

    private static let pictures = [
        Self("pictures drawn cell by cell") { numbers in
            [numbers.matrix(4, 6), numbers.matrix(4, 3), numbers.matrix(4, 3), numbers.matrix(4, 1)]
        } _: { builder, inputs in
            let coordinates = Matrix(rows: 5, columns: 2, values: (0..<10).map { Float($0) / 10 - 0.5 })
            let grid = SineGrid(
                sizes: [2, 3, 1], omega0: 2, coordinates: coordinates, cells: [0, 1, 1, 0, 1], networks: 2)
            let y = builder.matrix(rows: 10, columns: 1)
            builder.drawSines(inputs, grid, batch: 2, into: y)
            return y
        }
    ]
}
