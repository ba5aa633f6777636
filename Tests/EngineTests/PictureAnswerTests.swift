import Testing

@testable import Engine

/// Convolutional classifiers whose weights are the input of a plan.
@Suite struct PictureAnswerTests {
    private static let convolutions = [
        ConvolutionShape(inputs: 2, height: 9, width: 8, outputs: 5, kernel: (3, 2), stride: 2),
        ConvolutionShape(inputs: 5, height: 4, width: 4, outputs: 3, kernel: (2, 2), stride: 1),
    ]
    private static let classes = 4
    /// More than a group of lanes, and not a whole number of groups.
    private static let count = 37

    /// The scores of one network in float64; parameters in the order of the plan's arrays.
    private static func scores(_ parameters: [[Float]], _ picture: ArraySlice<Float>, isTanh: Bool) -> [Double] {
        var x = picture.map(Double.init)
        for (index, shape) in convolutions.enumerated() {
            var y: [Double] = []
            for output in 0..<shape.outputs {
                for row in 0..<shape.outputHeight {
                    for column in 0..<shape.outputWidth {
                        var sum = Double(parameters[2 * index + 1][output])
                        for input in 0..<shape.inputs {
                            for a in 0..<shape.kernelHeight {
                                for b in 0..<shape.kernelWidth {
                                    let at =
                                        (input * shape.height + row * shape.stride + a) * shape.width
                                        + column * shape.stride + b
                                    let w =
                                        ((output * shape.inputs + input) * shape.kernelHeight + a) * shape.kernelWidth
                                        + b
                                    sum += x[at] * Double(parameters[2 * index][w])
                                }
                            }
                        }
                        y.append(isTanh ? 1 - 2 / (exponential(2 * sum) + 1) : max(sum, 0))
                    }
                }
            }
            x = y
        }
        let channels = convolutions[convolutions.count - 1].outputs
        let positions = x.count / channels
        let means = (0..<channels).map { channel in
            x[channel * positions..<(channel + 1) * positions].reduce(0, +) / Double(positions)
        }
        return (0..<classes).map { index in
            (0..<channels).reduce(Double(parameters[5][index])) {
                $0 + means[$1] * Double(parameters[4][index * channels + $1])
            }
        }
    }

    @Test("scores agree with plain loops in float64, at any number of threads", arguments: [Nonlinearity.relu, .tanh])
    func scores(activation: Nonlinearity) {
        var numbers = Numbers(seed: 3)
        let sizes = [2 * 5 * 6, 5, 5 * 3 * 4, 3, 3 * 4, 4]
        let arrays = sizes.map { numbers.matrix(2, $0) }
        let pictures = numbers.matrix(Self.count, 2 * 9 * 8, in: 0...1)
        let shape = ClassifierShape(Self.convolutions, classes: Self.classes, activation: activation)
        func own(threads: Int) -> [Float] {
            evaluate(threads: threads) { builder in
                let scores = builder.matrix(rows: 2 * Self.count, columns: Self.classes)
                builder.classifyPictures(arrays, shape, pictures: LanePictures(pictures), batch: 2, into: scores)
                return scores
            }
        }
        let reference = (0..<2).flatMap { network in
            let parameters = arrays.map { $0.rows(network..<network + 1).read() }
            return (0..<Self.count).flatMap { index in
                Self.scores(parameters, pictures.rows(index..<index + 1).read()[...], isTanh: activation == .tanh)
            }
        }
        #expect(largestError(own(threads: 1), reference) < 1e-5)
        #expect(own(threads: 3) == own(threads: 1))
    }

    /// Features, logit and variety of one network that gives these scores to pictures of these classes.
    private func grades(_ scores: [[Float]], _ labels: [Float]) -> (features: [Float], logit: Float, variety: Float) {
        let builder = PlanBuilder(threads: 1)
        let (count, classes) = (labels.count, scores[0].count)
        let features = builder.matrix(rows: 1, columns: 2 * count)
        let (logits, variety) = (builder.matrix(rows: 1, columns: 1), builder.matrix(rows: 1, columns: 1))
        builder.gradeAnswers(
            Matrix(rows: count, columns: classes, values: scores.flatMap { $0 }),
            labels: Matrix(rows: 1, columns: count, values: labels), batch: 1, features: features, logits: logits,
            variety: variety)
        builder.finish(keeping: [features, logits, variety]).run(WorkerPool(threads: 1))
        return (features.read(), logits.read()[0], variety.read()[0])
    }

    @Test("answers are graded by the probability of the true class and by the first of the highest scores")
    func grading() {
        let grades = grades([[0, 0], [1, 3], [2, 0], [.nan, 5]], [0, 0, 0, 1])
        let probability = Float(1 / (1 + exponential(2)))
        #expect(
            largestError(
                grades.features, double([0, probability - 0.5, 0.5 - probability, -0.5, 0.5, -0.5, 0.5, -0.5])) < 1e-6)
        #expect(abs(grades.logit) < 1e-6, "two of four are right")
        #expect(grades.variety == 1, "no answer is given to more than two of four")
    }

    @Test("one answer to all pictures has no variety, and no share is 0 or 1")
    func constantAnswers() {
        let all = grades([[5, 0], [5, 0], [5, 0]], [0, 0, 0])
        #expect(all.variety == 0 && abs(all.logit - 5.2933) < 1e-3)
        let none = grades([[5, 0], [5, 0]], [1, 1])
        #expect(none.variety == 0 && abs(none.logit + 5.2933) < 1e-3)
        #expect(grades([[5, 0], [0, 5]], [1, 1]).variety == 1)
    }

    @Test("rows are added with a factor each, and their gradients have the same factors")
    func addedRows() {
        let builder = PlanBuilder(recordsGradients: true)
        let x = Matrix(rows: 2, columns: 2, values: [1, 2, 3, 4])
        let factor = Matrix(rows: 2, columns: 1, values: [0.5, -2])
        builder.track([x])
        let y = builder.matrix(rows: 2, columns: 2)
        builder.copy(Matrix(rows: 2, columns: 2, values: [10, 10, 10, 10]), to: y)
        builder.add(x, timesRows: factor, to: y)
        builder.differentiate([(y, Matrix(rows: 2, columns: 2, values: [1, 2, 3, 4]))])
        let gradient = builder.gradient(of: x)
        builder.finish(keeping: [y, gradient]).run(WorkerPool(threads: 1))
        #expect(y.read() == [10.5, 11, 4, 2])
        #expect(gradient.read() == [0.5, 1, -6, -8])
    }
}
