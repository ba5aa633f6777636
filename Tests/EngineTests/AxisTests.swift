import Testing

@testable import Engine

@Suite struct AxisTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let axes: Axes
        var testDescription: String { "\(axes.outer) × \(axes.middle) × \(axes.inner)" }

        static let all = [(1, 1, 1), (2, 3, 4), (3, 1, 5), (1, 7, 1), (4, 33, 1), (2, 9, 10), (1, 200, 3), (1, 300, 2)]
            .map {
                Case(axes: Axes(outer: $0.0, middle: $0.1, inner: $0.2))
            }
    }

    /// A matrix with a row for each index of the axes, and what `record` makes of it, with a row for each reduced index.
    private func reduce(
        _ axes: Axes, _ channels: Int, _ record: (PlanBuilder, Matrix, Matrix) -> Void
    ) -> (x: Matrix, y: [Float]) {
        var numbers = Numbers(seed: 1)
        let (x, _) = numbers.view(axes.count, channels)
        let y = evaluate { builder in
            let target = builder.matrix(rows: axes.reducedCount, columns: channels)
            record(builder, x, target)
            return target
        }
        return (x, y)
    }

    @Test("a mean runs over the middle axis, however many channels there are", arguments: Case.all, [3, 70])
    func means(_ input: Case, channels: Int) {
        let axes = input.axes
        let (x, y) = reduce(axes, channels) { builder, x, y in builder.mean(x, axes, into: y) }
        var reference: [Double] = []
        for outer in 0..<axes.outer {
            for inner in 0..<axes.inner {
                for channel in 0..<channels {
                    let sum = (0..<axes.middle).reduce(0.0) {
                        $0 + x.element((outer * axes.middle + $1) * axes.inner + inner, channel)
                    }
                    reference.append(sum / Double(axes.middle))
                }
            }
        }
        #expect(largestError(y, reference) < 1e-7)
    }

    @Test(
        "a maximum runs over the middle axis, however many channels there are", arguments: [(1, 1), (2, 4), (3, 9)],
        [3, 70])
    func maxima(extents: (outer: Int, middle: Int), channels: Int) {
        let axes = Axes(outer: extents.outer, middle: extents.middle)
        let (x, y) = reduce(axes, channels) { builder, x, y in builder.maximum(x, axes, into: y) }
        let reference = (0..<axes.outer).flatMap { outer in
            (0..<channels).map { channel in
                (0..<axes.middle).map { x.element(outer * axes.middle + $0, channel) }.max() ?? 0
            }
        }
        #expect(largestError(y, reference) == 0)
    }

    @Test("of equal values the first alone gets the gradient of their maximum")
    func gradientOfEqualMaxima() {
        let (rows, channels) = (4, 70)
        let values = (0..<rows * channels).map { Float(($0 / channels * 7 + $0 % channels * 3) % 3) }
        let x = Matrix(rows: rows, columns: channels, values: values)
        let builder = PlanBuilder(recordsGradients: true)
        builder.track([x])
        let y = builder.matrix(rows: 1, columns: channels)
        builder.maximum(x, Axes(outer: 1, middle: rows), into: y)
        let weights = (0..<channels).map { Float($0 + 1) }
        builder.differentiate([(y, Matrix(rows: 1, columns: channels, values: weights))])
        let gradient = builder.gradientIfAny(of: x)
        builder.finish(keeping: [y] + [gradient].compactMap(\.self)).run(WorkerPool(threads: 1))
        var expected = [Float](repeating: 0, count: rows * channels)
        for channel in 0..<channels {
            let column = (0..<rows).map { values[$0 * channels + channel] }
            let first = column.firstIndex(of: column.max() ?? 0) ?? 0
            expected[first * channels + channel] = weights[channel]
        }
        #expect(gradient?.read() == expected)
    }

    @Test("a broadcast adds or writes along the middle axis", arguments: Case.all, [false, true])
    func broadcasts(_ input: Case, overwriting: Bool) {
        let axes = input.axes
        var numbers = Numbers(seed: 2)
        let (x, _) = numbers.view(axes.reducedCount, 3)
        let (y, whole) = numbers.view(axes.count, 3)
        let (before, surroundings) = (y.read(), whole.read())
        _ = evaluate { builder in
            builder.broadcast(x, axes, into: y, overwriting: overwriting)
            return y
        }
        var reference: [Float] = []
        let source = x.read()
        for outer in 0..<axes.outer {
            for _ in 0..<axes.middle {
                for inner in 0..<axes.inner {
                    let row = outer * axes.inner + inner
                    for channel in 0..<3 {
                        let own = overwriting ? 0 : before[reference.count]
                        reference.append(own + source[row * 3 + channel])
                    }
                }
            }
        }
        #expect(y.read() == reference)
        y.write(before)
        #expect(whole.read() == surroundings)
    }

    @Test("two neighbouring axes change places, and back", arguments: Case.all)
    func swaps(_ input: Case) {
        let axes = input.axes
        var numbers = Numbers(seed: 3)
        let (x, _) = numbers.view(axes.count, 2)
        let swapped = Matrix(rows: axes.count, columns: 2, values: numbers.floats(2 * axes.count))
        let back = evaluate { builder in
            builder.swapAxes(x, axes, into: swapped)
            let target = builder.matrix(rows: axes.count, columns: 2)
            builder.swapAxes(
                swapped, Axes(outer: axes.outer, middle: axes.inner, inner: axes.middle), into: target)
            return target
        }
        #expect(back == x.read())
        for outer in 0..<axes.outer {
            for middle in 0..<axes.middle {
                for inner in 0..<axes.inner {
                    let from = (outer * axes.middle + middle) * axes.inner + inner
                    let to = (outer * axes.inner + inner) * axes.middle + middle
                    #expect(x.rows(from..<from + 1).read() == swapped.rows(to..<to + 1).read())
                }
            }
        }
    }
}
