import CKernels
import Foundation

/// Convolutional classifiers whose weights are the input of a plan: which layers they have.
package struct ClassifierShape: Sendable, Hashable {
    /// At least one, each of which reads the output of the one before.
    package let convolutions: [ConvolutionShape]
    /// Scores of the fully connected layer that reads the mean of each channel.
    package let classes: Int
    /// ReLU or tanh, after every convolution.
    package let activation: Nonlinearity

    /// Traps for no convolution, no class, or another activation.
    package init(_ convolutions: [ConvolutionShape], classes: Int, activation: Nonlinearity) {
        precondition(!convolutions.isEmpty && classes > 0, "convolutions and classes")
        precondition(Nonlinearity.ofConvolutions.contains(activation), "ReLU or tanh")
        self.convolutions = convolutions
        self.classes = classes
        self.activation = activation
    }
}

extension PlanBuilder {
    /// The scores that `batch` convolutional classifiers give to the same pictures. Overwrites `scores`; nothing is
    /// differentiated.
    ///
    /// *Shapes:* parameters w0, b0, w1, b1, …, those of the fully connected layer last: (batch, entries) each, a weight
    /// row as (outputs, inputs[, height, width]); scores (batch·pictures, classes).
    package func classifyPictures(
        _ parameters: [Matrix], _ shape: ClassifierShape, pictures: LanePictures, batch: Int, into scores: Matrix
    ) {
        let convolutions = shape.convolutions
        let last = convolutions[convolutions.count - 1]
        let (classes, layers) = (shape.classes, convolutions.count)
        precondition(parameters.count == 2 * layers + 2, "one matrix a parameter array")
        precondition(
            pictures.pictures.columns == convolutions[0].inputCount, "pictures of the first convolution's size")
        precondition(scores.rows == batch * pictures.count && scores.columns == classes, "scores' shape")
        for convolution in convolutions {
            countProduct(
                convolution.outputHeight * convolution.outputWidth, convolution.weightCount / convolution.outputs,
                convolution.outputs, times: batch * pictures.count)
        }
        countProduct(pictures.count, last.outputs, classes, times: batch)
        let lanes = Convolution.lanes
        let groups = pictures.laneGroups
        // Every task packs its network's weights, so a network has few tasks.
        let parts = min(groups.count, 2 * threads - 1)
        let workers = (0..<threads).map { _ in
            (
                chain: LaneConvolutions(convolutions, activation: shape.activation),
                scratch: Matrix(zeros: last.outputs + classes, lanes)
            )
        }
        for worker in workers { countMemory(worker.chain.memoryCount + worker.scratch.count) }
        let labels = [Int32](repeating: -1, count: lanes)
        step(reading: parameters, writing: [scores], tasks: batch * parts) { task, worker in
            let (network, part) = (task / parts, task % parts)
            let (chain, scratch) = workers[worker]
            func own(_ index: Int) -> Matrix { parameters[index].rows(network..<network + 1) }
            for (index, layer) in chain.layers.enumerated() {
                layer.load(weight: own(2 * index), bias: own(2 * index + 1), forGradients: false)
            }
            for group in part * groups.count / parts..<(part + 1) * groups.count / parts {
                chain.input.assign(groups[group])
                chain.propagate()
                var correct = 0
                _ = ck_lanes_classify(
                    chain.output.pointer, last.outputs, chain.output.rows / last.outputs, nil, own(2 * layers).pointer,
                    own(2 * layers + 1).pointer, classes, labels, 0, chain.activation.rawValue, scratch.pointer, nil,
                    nil, nil, &correct)
                let first = group * lanes
                for lane in 0..<min(lanes, pictures.count - first) {
                    let row = scores.pointer + (network * pictures.count + first + lane) * scores.stride
                    for index in 0..<classes { row[index] = scratch.pointer[(last.outputs + index) * lanes + lane] }
                }
            }
        }
    }

    /// What classifiers make of pictures with known classes. Overwrites all results; nothing is differentiated.
    ///
    /// - `features`: for each picture the probability softmax(scores)[label] − ½, then for each picture ½ where the first
    ///   of the highest scores is the label's, else −½. A picture with a score that is not finite counts as wrong with
    ///   the probability 0.
    /// - `logits`: log (a / (1 − a)) of the share a of right answers, cut to [0.005, 0.995].
    /// - `variety`: 1 − (s − 1/K) / (1 − 1/K) of the share s of the most frequent of the K answers: 0 where a network
    ///   gives one answer to all pictures, 1 where it gives all equally often.
    ///
    /// *Shapes:* scores (batch·pictures, classes), labels (1, pictures), whole numbers from 0; features (batch, 2 ·
    /// pictures), logits and variety (batch, 1).
    package func gradeAnswers(
        _ scores: Matrix, labels: Matrix, batch: Int, features: Matrix, logits: Matrix, variety: Matrix
    ) {
        let (pictures, classes) = (labels.columns, scores.columns)
        precondition(scores.rows == batch * pictures, "scores of every picture")
        precondition(features.rows == batch && features.columns == 2 * pictures, "features' shape")
        precondition(logits.rows == batch && logits.columns == 1, "logits' shape")
        precondition(variety.rows == batch && variety.columns == 1, "variety's shape")
        let scratch = matrix(rows: threads, columns: 2 * classes)
        step(reading: [scores, labels], writing: [features, logits, variety, scratch], tasks: batch) { task, worker in
            let probabilities = scratch.pointer + worker * scratch.stride
            let answers = probabilities + classes
            answers.update(repeating: 0, count: classes)
            let row = features.pointer + task * features.stride
            var right = 0
            for picture in 0..<pictures {
                let own = scores.pointer + (task * pictures + picture) * scores.stride
                var (best, isFinite) = (0, own[0].isFinite)
                for index in 1..<max(1, classes) {
                    isFinite = isFinite && own[index].isFinite
                    if own[index] > own[best] { best = index }
                }
                let label = Int(labels.pointer[picture])
                guard isFinite else {
                    (row[picture], row[pictures + picture]) = (-0.5, -0.5)
                    continue
                }
                ck_softmax(own, probabilities, classes, 1)
                answers[best] += 1
                right += best == label ? 1 : 0
                row[picture] = probabilities[label] - 0.5
                row[pictures + picture] = best == label ? 0.5 : -0.5
            }
            let share = min(max(Float(right) / Float(pictures), 0.005), 0.995)
            logits.pointer[task * logits.stride] = log(share / (1 - share))
            var most: Float = 0
            for index in 0..<classes { most = max(most, answers[index]) }
            let least = 1 / Float(classes)
            variety.pointer[task * variety.stride] =
                classes > 1 ? min(1, max(0, 1 - (most / Float(pictures) - least) / (1 - least))) : 0
        }
    }

    /// y[row] += factor[row] · x[row]; nothing is differentiated with respect to the factors.
    ///
    /// *Shapes:* x and y (rows, n), factor (rows, 1).
    package func add(_ x: Matrix, timesRows factor: Matrix, to y: Matrix) {
        precondition(x.rows == y.rows && x.columns == y.columns, "sum of unlike shapes")
        precondition(factor.rows == x.rows && factor.columns == 1, "a factor for each row")
        @Sendable func addRows(_ source: Matrix, _ target: Matrix) {
            for row in 0..<source.rows {
                ck_add_scaled(
                    source.pointer + row * source.stride, target.pointer + row * target.stride, source.columns,
                    factor.pointer[row * factor.stride])
            }
        }
        step(reading: [x, factor, y], writing: [y]) { addRows(x, y) }
        adjoint(of: y, from: [x]) { tape in
            guard let dy = tape.cotangent(of: y), let dx = tape.sum(for: x) else { return }
            self.step(reading: [dy, factor, dx], writing: [dx]) { addRows(dy, dx) }
        }
    }
}
