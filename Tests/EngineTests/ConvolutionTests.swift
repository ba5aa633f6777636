import CKernels
import Testing

@testable import Engine

@Suite struct ConvolutionTests {
    /// Values in [−1, 1], the same for the same seed.
    private static func values(_ count: Int, seed: Int) -> [Float] {
        (0..<count).map { Float((($0 + 1) * (seed * 2 + 7919)) % 2003 - 1001) / 1001 }
    }

    private static let shapes = [
        ConvolutionShape(inputs: 3, height: 9, width: 11, outputs: 10, kernel: (3, 3), stride: 2),
        ConvolutionShape(inputs: 5, height: 8, width: 8, outputs: 13, kernel: (2, 4), stride: 1),
        ConvolutionShape(inputs: 16, height: 6, width: 6, outputs: 16, kernel: (3, 3), stride: 2),
        ConvolutionShape(inputs: 9, height: 13, width: 10, outputs: 8, kernel: (5, 3), stride: 3),
    ]

    @Test("passes of every instruction set agree with plain loops in float64", arguments: shapes)
    func agreesWithLoops(shape: ConvolutionShape) {
        let lanes = Convolution.lanes
        let x = Self.values(shape.inputCount * lanes, seed: 1)
        let dy = Self.values(shape.outputCount * lanes, seed: 2)
        let weight = Self.values(shape.weightCount, seed: 3)
        let bias = Self.values(shape.outputs, seed: 4)
        var y = [Double](repeating: 0, count: dy.count)
        var dx = [Double](repeating: 0, count: x.count)
        var dw = [Double](repeating: 0, count: shape.weightCount * lanes)
        var db = [Double](repeating: 0, count: shape.outputs * lanes)
        for o in 0..<shape.outputs {
            for r in 0..<shape.outputHeight {
                for c in 0..<shape.outputWidth {
                    for lane in 0..<lanes {
                        let out = ((o * shape.outputHeight + r) * shape.outputWidth + c) * lanes + lane
                        var sum = Double(bias[o])
                        for i in 0..<shape.inputs {
                            for a in 0..<shape.kernel.height {
                                for b in 0..<shape.kernel.width {
                                    let (row, column) = (r * shape.stride + a, c * shape.stride + b)
                                    let at = ((i * shape.height + row) * shape.width + column) * lanes + lane
                                    let w = ((o * shape.inputs + i) * shape.kernel.height + a) * shape.kernel.width + b
                                    sum += Double(x[at]) * Double(weight[w])
                                    dx[at] += Double(dy[out]) * Double(weight[w])
                                    dw[w * lanes + lane] += Double(dy[out]) * Double(x[at])
                                }
                            }
                        }
                        y[out] = max(sum, 0)
                        db[o * lanes + lane] += Double(dy[out])
                    }
                }
            }
        }
        for index in x.indices where x[index] <= 0 { dx[index] = 0 }

        for instructions in 0...ck_best_instructions() {
            let layer = Convolution(shape, instructions: instructions)
            layer.load(
                weight: Matrix(rows: 1, columns: weight.count, values: weight),
                bias: Matrix(rows: 1, columns: bias.count, values: bias), forGradients: true)
            let own = Matrix(rows: shape.inputCount, columns: lanes, values: x)
            let gradient = Matrix(rows: shape.outputCount, columns: lanes, values: dy)
            let forward = Matrix(zeros: shape.outputCount, lanes)
            layer.forward(own, activation: .relu, into: forward)
            let backward = Matrix(zeros: shape.inputCount, lanes)
            layer.inputGradient(gradient, x: own, activation: .relu, into: backward)
            let (weights, biases) = (Matrix(zeros: shape.weightCount, lanes), Matrix(zeros: shape.outputs, lanes))
            layer.addWeightGradients(x: own, dy: gradient, dw: weights, db: biases)
            for (found, expected) in [(forward, y), (backward, dx), (weights, dw), (biases, db)] {
                let worst = zip(found.read(), expected).map { abs(Double($0) - $1) }.max() ?? 0
                #expect(worst < 2e-5, "instructions \(instructions)")
            }
        }
    }

    /// 21 pictures of 15 × 15 pixels: one group of 16 and one that is not full.
    private static let pictures = PictureBytes(
        channels: 2, height: 15, width: 15,
        values: (0..<21 * 450).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) },
        labels: (0..<21).map { Int32($0 % 3) })

    private static func network(_ activation: Nonlinearity) -> ConvolutionalClassifier {
        let network = ConvolutionalClassifier(
            [
                ConvolutionShape(inputs: 2, height: 15, width: 15, outputs: 5, kernel: (3, 3), stride: 2),
                ConvolutionShape(inputs: 5, height: 7, width: 7, outputs: 4, kernel: (3, 3), stride: 2),
            ], classes: 3, activation: activation)
        network.parameters.write(values(network.parameters.count, seed: 5).map { 0.5 * $0 })
        return network
    }

    @Test("gradients agree with differences of the loss, also with dropout", arguments: [Nonlinearity.relu, .tanh])
    func gradientsAreDifferences(activation: Nonlinearity) {
        let network = Self.network(activation)
        let numbers = Array(Int32(0)..<21)
        func loss() -> Double { network.differentiate(Self.pictures, numbers: numbers[...], dropout: 0.3, seed: 9) }
        _ = loss()
        let gradient = network.gradient.read()
        let start = network.parameters.read()
        let step: Float = 2e-3
        for index in stride(from: 0, to: start.count, by: 7) {
            var moved = start
            moved[index] = start[index] + step
            network.parameters.write(moved)
            let above = loss()
            moved[index] = start[index] - step
            network.parameters.write(moved)
            let below = loss()
            let expected = (above - below) / Double(2 * step)
            #expect(abs(Double(gradient[index]) - expected) < 1e-3 + 0.02 * abs(expected), "parameter \(index)")
        }
    }

    @Test("the gradient of a batch is the mean of its pictures' gradients")
    func batchesAreMeans() {
        let network = Self.network(.tanh)
        let numbers = Array(Int32(0)..<21)
        let loss = network.differentiate(Self.pictures, numbers: numbers[...], dropout: 0, seed: 0)
        let whole = network.gradient.read()
        var sum = [Double](repeating: 0, count: whole.count)
        var losses = 0.0
        for number in numbers {
            losses += network.differentiate(Self.pictures, numbers: [number], dropout: 0, seed: 0)
            for (index, value) in network.gradient.read().enumerated() { sum[index] += Double(value) / 21 }
        }
        #expect(abs(loss - losses / 21) < 1e-5)
        #expect(zip(whole, sum).allSatisfy { abs(Double($0) - $1) < 1e-5 })
    }

    @Test("pictures are counted as right where the score of their class is the highest")
    func countsCorrect() {
        let network = Self.network(.relu)
        var parameters = [Float](repeating: 0, count: network.parameters.count)
        // Without weights the scores are the biases of the last layer.
        parameters[parameters.count - 2] = 1
        network.parameters.write(parameters)
        #expect(network.correctCount(Self.pictures, numbers: Array(Int32(0)..<21)[...]) == 7)
        #expect(network.correctCount(Self.pictures, numbers: [1, 2, 4]) == 2)
    }
}
