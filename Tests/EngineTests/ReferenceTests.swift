import Testing

@testable import Engine

/// Kernels against plain loops in float64.
@Suite struct ReferenceTests {
    @Test(
        "propagation is W · x of every network, backwards Wᵀ · x", arguments: [false, true],
        [(batch: 1, outputs: 1, inputs: 1, channels: 1), (2, 4, 3, 2), (3, 5, 9, 17), (1, 33, 130, 20)])
    func propagation(transposed: Bool, shape: (batch: Int, outputs: Int, inputs: Int, channels: Int)) {
        var numbers = Numbers(seed: 50)
        let (batch, outputs, inputs, channels) = shape
        let weight = numbers.matrix(batch * outputs * inputs, 1)
        let (from, to) = transposed ? (outputs, inputs) : (inputs, outputs)
        let (x, _) = numbers.view(batch * from, channels)
        let y = evaluate { $0.propagate(weight, outputs: outputs, inputs: inputs, x, transposed: transposed) }
        var reference: [Double] = []
        for network in 0..<batch {
            for neuron in 0..<to {
                for channel in 0..<channels {
                    reference.append(
                        (0..<from).reduce(0.0) { sum, source in
                            let (output, input) = transposed ? (source, neuron) : (neuron, source)
                            return sum + weight.element((network * outputs + output) * inputs + input, 0)
                                * x.element(network * from + source, channel)
                        })
                }
            }
        }
        #expect(largestError(y, reference) < 2e-5)
    }

    @Test(
        "patches are the neighbourhoods of every pixel, zeros beyond the edge, whatever was in memory before",
        arguments: [
            PatchGrid(height: 4, width: 5, side: 3, margin: 1), PatchGrid(height: 4, width: 6, side: 2, step: 2),
            PatchGrid(height: 5, width: 7, side: 2, step: 2), PatchGrid(height: 1, width: 1, side: 3, margin: 1),
            PatchGrid(height: 6, width: 5, side: 3, step: 2, margin: 2), PatchGrid(height: 2, width: 3, side: 1),
        ])
    func patches(_ grid: PatchGrid) {
        let (batch, channels) = (2, 3)
        var numbers = Numbers(seed: 51)
        let x = numbers.matrix(batch * grid.height * grid.width, channels)
        let builder = PlanBuilder(threads: 1)
        let y = builder.patches(x, grid)
        let plan = builder.finish(keeping: [y])
        y.write([Float](repeating: .nan, count: y.count))
        plan.run(WorkerPool(threads: 1))
        var reference: [Double] = []
        for image in 0..<batch {
            for top in stride(from: -grid.margin, through: grid.height + grid.margin - grid.side, by: grid.step) {
                for left in stride(from: -grid.margin, through: grid.width + grid.margin - grid.side, by: grid.step) {
                    for line in top..<top + grid.side {
                        for column in left..<left + grid.side {
                            let isInside = (0..<grid.height).contains(line) && (0..<grid.width).contains(column)
                            let pixel = (image * grid.height + line) * grid.width + column
                            reference += (0..<channels).map { isInside ? x.element(pixel, $0) : 0 }
                        }
                    }
                }
            }
        }
        #expect(y.rows == batch * grid.rows * grid.columns)
        #expect(largestError(y.read(), reference) == 0)
    }

    @Test("a grid has no patches along an axis that is too short for one")
    func noPatches() {
        #expect(PatchGrid(height: 1, width: 4, side: 2, step: 2).rows == 0)
        #expect(PatchGrid(height: 1, width: 4, side: 2, step: 2).columns == 2)
        #expect(PatchGrid(height: 3, width: 0, side: 2, step: 2).columns == 0)
        #expect(PatchGrid(height: 1, width: 2, side: 4, margin: 1).rows == 0)
        #expect(PatchGrid(height: 1, width: 2, side: 4, margin: 1).columns == 1)
    }

    @Test(
        "sine networks have the values of their formula at every coordinate, with and without gradients",
        arguments: [1, 3], [5, 64, 130])
    func sineNetworks(threads: Int, count: Int) {
        let (batch, sizes, omega0) = (2, [2, 5, 4, 3], Float(6))
        var numbers = Numbers(seed: 52)
        let parameters = sizes.indices.dropLast().flatMap { layer in
            [
                numbers.matrix(batch, sizes[layer] * sizes[layer + 1], in: -0.4...0.4),
                numbers.matrix(batch, sizes[layer + 1], in: -0.4...0.4),
            ]
        }
        let (coordinates, _) = numbers.view(count, 2)
        var reference: [Double] = []
        for network in 0..<batch {
            for point in 0..<count {
                var x = [coordinates.element(point, 0), coordinates.element(point, 1)]
                for layer in sizes.indices.dropLast() {
                    x = (0..<sizes[layer + 1]).map { output in
                        let sum = x.indices.reduce(parameters[2 * layer + 1].element(network, output)) {
                            $0 + parameters[2 * layer].element(network, output * x.count + $1) * x[$1]
                        }
                        return layer < sizes.count - 2 ? sine(Double(omega0) * sum) : sum
                    }
                }
                reference += x
            }
        }
        for builder in [PlanBuilder(threads: threads), PlanBuilder(recordsGradients: true)] {
            let y = builder.matrix(rows: batch * count, columns: 3)
            builder.evaluateSines(
                parameters, sizes: sizes, omega0: omega0, at: coordinates, batch: batch, into: y)
            builder.finish(keeping: [y]).run(WorkerPool(threads: threads))
            #expect(largestError(y.read(), reference) < 1e-5)
        }
    }

    @Test("cross-entropy is −Σ target · log softmax(logits), for one class or several", arguments: [1, 2, 10])
    func crossEntropy(classes: Int) {
        var numbers = Numbers(seed: 53)
        let (logits, _) = numbers.view(6, classes)
        logits.write(numbers.floats(logits.count, in: -20...20))
        let spread = numbers.matrix(6, classes, in: 0...1)
        let single = Matrix(
            rows: 6, columns: classes, values: (0..<6 * classes).map { $0 % (classes + 1) == 0 ? 1 : 0 })
        for targets in [spread, single] {
            let losses = evaluate { $0.crossEntropy(logits, targets) }
            let reference = (0..<6).map { row in
                let probabilities = softmax((0..<classes).map { logits.element(row, $0) })
                return (0..<classes).reduce(0.0) { $0 - targets.element(row, $1) * logarithm(probabilities[$1]) }
            }
            #expect(zip(losses, reference).allSatisfy { abs(Double($0) - $1) <= 1e-5 * max(1, abs($1)) })
        }
    }

    @Test("the squared error is a mean over columns", arguments: [1, 3, 100])
    func squaredError(columns: Int) {
        var numbers = Numbers(seed: 54)
        let (x, _) = numbers.view(4, columns)
        let (target, _) = numbers.view(4, columns)
        let losses = evaluate { $0.squaredError(x, target) }
        let reference = (0..<4).map { row in
            (0..<columns).reduce(0.0) {
                let difference = x.element(row, $1) - target.element(row, $1)
                return $0 + difference * difference
            } / Double(columns)
        }
        #expect(largestError(losses, reference) < 1e-6)
    }

    @Test("mixed rows are shares of a group and of its mirror image in the batch", arguments: [1, 2, 3], [1, 4])
    func mixedRows(batch: Int, group: Int) {
        var numbers = Numbers(seed: 55)
        let (x, _) = numbers.view(batch * group, 5)
        let share = numbers.matrix(batch, 1, in: 0...1)
        let y = evaluate { $0.mixRows(x, share: share) }
        var reference: [Double] = []
        for item in 0..<batch {
            for row in 0..<group {
                for column in 0..<5 {
                    let own = share.element(item, 0)
                    reference.append(
                        own * x.element(item * group + row, column)
                            + (1 - own) * x.element((batch - 1 - item) * group + row, column))
                }
            }
        }
        #expect(largestError(y, reference) < 1e-6)
    }
}
