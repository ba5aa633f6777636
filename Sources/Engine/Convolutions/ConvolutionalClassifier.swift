import CKernels

/// A chain of convolutions with an activation after each, global average pooling, and a fully connected layer of scores
/// of classes: forward passes and gradients of the mean cross-entropy.
///
/// Pictures go through all layers 16 at a time, so that their activations stay in a core's cache. An object uses its
/// caller's thread, and one thread at a time; its results are the same bits on every thread.
package final class ConvolutionalClassifier {
    /// The convolutions, each of which reads the output of the one before.
    package let convolutions: [ConvolutionShape]
    /// Scores of the last layer.
    package let classes: Int
    /// (1, parameters): for each layer its weight, (outputs, inputs[, height, width]), then its bias.
    package let parameters: Matrix
    /// Like `parameters`, written by `differentiate`.
    package let gradient: Matrix

    private let chain: LaneConvolutions
    /// The first parameter of every layer, the fully connected one included, and the number of all.
    private let offsets: [Int]
    /// The gradient of every layer's x but the first's, (elements, lanes).
    private let gradients: [Matrix]
    private let mask: Matrix
    private let scratch: Matrix
    /// (parameters, lanes)
    private let laneGradients: Matrix

    /// - Parameters:
    ///   - convolutions: at least one, each of which has the output of the one before as its input.
    ///   - activation: ReLU or tanh; traps for another.
    package convenience init(_ convolutions: [ConvolutionShape], classes: Int, activation: Nonlinearity) {
        self.init(convolutions, classes: classes, activation: activation, instructions: Products.instructions)
    }

    init(_ convolutions: [ConvolutionShape], classes: Int, activation: Nonlinearity, instructions: Int32) {
        precondition(classes > 0, "classes to tell apart")
        guard let last = convolutions.last else { preconditionFailure("at least one convolution") }
        self.convolutions = convolutions
        self.classes = classes
        chain = LaneConvolutions(convolutions, activation: activation, instructions: instructions)
        let counts = convolutions.map { $0.weightCount + $0.outputs } + [classes * (last.outputs + 1)]
        offsets = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
        let total = counts.reduce(0, +)
        parameters = Matrix(zeros: 1, total)
        gradient = Matrix(zeros: 1, total)
        let lanes = Convolution.lanes
        gradients = convolutions.map { Matrix(zeros: $0.outputCount, lanes) }
        mask = Matrix(zeros: last.outputCount, lanes)
        scratch = Matrix(zeros: last.outputs + classes, lanes)
        laneGradients = Matrix(zeros: total, lanes)
    }

    /// Floating-point operations of `differentiate` a picture, a multiply-add counted as 2; without those of
    /// activations, pooling and the last layer.
    package var trainingOperations: Int {
        // Forward, weights' gradients, and inputs' gradients of all but the first.
        2 * (3 * convolutions.reduce(0) { $0 + $1.products } - (convolutions.first?.products ?? 0))
    }

    /// Floating-point operations of `correctCount` a picture, counted alike.
    package var evaluationOperations: Int { 2 * convolutions.reduce(0) { $0 + $1.products } }

    /// Writes the gradient of the mean cross-entropy over a batch to `gradient`.
    /// - Parameters:
    ///   - numbers: of the batch's pictures.
    ///   - dropout: the probability with which an output of the last convolution is set to 0; the others are divided by
    ///     1 − dropout.
    ///   - seed: of the dropout; equal seeds give equal results.
    /// - Returns: the mean cross-entropy.
    package func differentiate(_ pictures: PictureBytes, numbers: ArraySlice<Int32>, dropout: Float, seed: UInt64)
        -> Double
    {
        load(forGradients: true)
        laneGradients.pointer.update(repeating: 0, count: laneGradients.count)
        var seed = seed
        var loss = 0.0
        forEachGroup(pictures, numbers) { labels in
            chain.propagate()
            if dropout > 0 {
                // Multiplied, so that the sequences of neighbouring seeds do not overlap.
                seed = (seed ^ (seed >> 29)) &* 0xD6E8_FEB8_6659_FD93 &+ 1
                ck_dropout(seed, dropout, mask.pointer, mask.count)
            }
            loss +=
                classify(labels, factor: 1 / Float(numbers.count), isDropping: dropout > 0, withGradients: true).loss
            for index in chain.layers.indices.reversed() {
                let shape = convolutions[index]
                let first = offsets[index]
                chain.layers[index].addWeightGradients(
                    x: chain.values[index], dy: gradients[index],
                    dw: laneGradients.rows(first..<first + shape.weightCount),
                    db: laneGradients.rows(first + shape.weightCount..<offsets[index + 1]))
                if index > 0 {
                    chain.layers[index].inputGradient(
                        gradients[index], x: chain.values[index], activation: chain.activation,
                        into: gradients[index - 1])
                }
            }
        }
        ck_lanes_sum(laneGradients.pointer, parameters.count, gradient.pointer)
        return loss / Double(max(1, numbers.count))
    }

    /// The number of pictures whose highest score is that of their class, without dropout.
    /// - Parameter numbers: of the pictures.
    package func correctCount(_ pictures: PictureBytes, numbers: ArraySlice<Int32>) -> Int {
        load(forGradients: false)
        var correct = 0
        forEachGroup(pictures, numbers) { labels in
            chain.propagate()
            correct += classify(labels, factor: 0, isDropping: false, withGradients: false).correct
        }
        return correct
    }

    private func load(forGradients: Bool) {
        for (index, layer) in chain.layers.enumerated() {
            let (weight, bias) = arrays(index)
            layer.load(weight: weight, bias: bias, forGradients: forGradients && index > 0)
        }
    }

    /// The weight and the bias of a layer.
    private func arrays(_ index: Int) -> (weight: Matrix, bias: Matrix) {
        let outputs = index < convolutions.count ? convolutions[index].outputs : classes
        let middle = offsets[index + 1] - outputs
        return (parameters.columns(offsets[index]..<middle), parameters.columns(middle..<offsets[index + 1]))
    }

    /// Calls `body` for every 16 pictures, the last ones of which may be fewer, with their labels (−1 in a lane without
    /// a picture) after it has written them to the first layer's input, as values from 0 to 1.
    private func forEachGroup(
        _ pictures: PictureBytes, _ numbers: ArraySlice<Int32>, _ body: (_ labels: [Int32]) -> Void
    ) {
        let lanes = Convolution.lanes
        precondition(pictures.size == chain.input.rows, "pictures of the network's input size")
        var labels = [Int32](repeating: -1, count: lanes)
        var own = labels
        for start in stride(from: numbers.startIndex, to: numbers.endIndex, by: lanes) {
            let group = numbers[start..<min(start + lanes, numbers.endIndex)]
            for lane in 0..<lanes {
                own[lane] = lane < group.count ? group[start + lane] : 0
                precondition(pictures.labels.indices.contains(Int(own[lane])), "a picture's number")
                labels[lane] = lane < group.count ? pictures.labels[Int(own[lane])] : -1
                precondition(labels[lane] < classes, "a picture's class")
            }
            pictures.values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                ck_lanes_pictures(base, pictures.size, own, group.count, 1 / 255, chain.input.pointer)
            }
            body(labels)
        }
    }

    private func classify(
        _ labels: [Int32], factor: Float, isDropping: Bool, withGradients: Bool
    ) -> (loss: Double, correct: Int) {
        let last = convolutions.count
        let (weight, bias) = arrays(last)
        let channels = convolutions[last - 1].outputs
        let gradient = laneGradients.rows(offsets[last]..<offsets[last + 1])
        var correct = 0
        let loss = ck_lanes_classify(
            chain.output.pointer, channels, chain.output.rows / channels, isDropping ? mask.pointer : nil,
            weight.pointer, bias.pointer, classes, labels, factor, chain.activation.rawValue, scratch.pointer,
            withGradients ? gradients[last - 1].pointer : nil, gradient.pointer,
            gradient.pointer + classes * channels * Convolution.lanes, &correct)
        return (loss, correct)
    }
}
