import Engine
import Networks
import NeuralFunctionals
import Tensors
import WeightFormats

/// Settings of an `AccuracyProbe`.
package struct AccuracyProbeConfiguration: Sendable {
    /// The first of `picture`, rows and columns of the pictures that the networks read.
    package let height: Int
    /// The second.
    package let width: Int
    /// `n_probes`: pictures with known classes on which a network is run.
    package let probes: Int
    /// `stride` of every convolution, which weights do not show; none is padded.
    package let stride: Int
    /// `hidden`: widths of the MLP's hidden layers.
    package let hidden: [Int]

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        let extents = try settings.optionalInts("picture", in: 1...256, count: 2...2)
        guard let extents else {
            throw settings.error("picture", "write [height, width] of the pictures that the networks read")
        }
        (height, width) = (extents[0], extents[1])
        probes = try settings.int("n_probes", in: 1...65536)
        try settings.demand("stride", "write the step of every convolution over the picture, such as 2")
        stride = try settings.int("stride", in: 1...8, default: 2)
        hidden = try settings.ints("hidden", in: SettingBounds.extent, count: 0...8)
    }

    /// What the parameters reveal: all but `picture` and `stride`.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let head = file.scope("head")
        let widths = head.indices.compactMap { head.extent("\($0).weight", 0) }
        return members(("n_probes", .count(file.extent("pictures", 0))), ("hidden", .counts(widths.dropLast())))
    }
}

/// Predicts the test accuracy of a convolutional classifier by running it on pictures with known classes.
///
/// The share of pictures that it classifies right is corrected by an MLP on the probability that it gives to the true class
/// of each picture, and on whether that class is the most probable: logit of the prediction = logit of the share + variety
/// · MLP, with the `variety` of `PlanBuilder.gradeAnswers`. The result depends on the function alone that the network
/// computes, so no symmetry of the weights changes it beyond rounding. (After Kahana et al., arXiv 2410.10811, who learn
/// the probes.)
package struct AccuracyProbe: Model {
    package static let type = "AccuracyProbe"

    /// The settings that it was built from.
    package let configuration: AccuracyProbeConfiguration
    /// (probes, channels · height · width), values from 0 (black) to 1.
    private let pictures: Matrix
    private let lanes: LanePictures
    /// (1, probes): the class of each picture, from 0.
    private let labels: Matrix
    private let head: [AffineMap]
    private let channels: Int
    private let classes: Int

    /// Reads `pictures`, (probes, channels, height, width), `labels`, (probes), and the affine maps `head.0`, `head.2`, …
    /// - Parameter spec: the networks' layers: convolutions and one fully connected layer.
    /// - Throws: `ModelError` where the networks have other layers, a kernel does not fit, or a label is no class.
    package init(
        _ parameters: ParameterScope, _ configuration: AccuracyProbeConfiguration, spec: NetworkSpec
    ) throws(ModelError) {
        self.configuration = configuration
        let (count, size) = (configuration.probes, spec.inputs * configuration.height * configuration.width)
        _ = try Self.shape(spec, configuration, .relu)
        channels = spec.inputs
        classes = spec.outputs
        pictures = parameters.buffer(
            "pictures", [count, spec.inputs, configuration.height, configuration.width], rows: count, columns: size,
            .constant(0))
        lanes = LanePictures(pictures)
        labels = parameters.buffer("labels", [count], rows: 1, columns: count, .constant(0))
        let sizes = [2 * count] + configuration.hidden + [1]
        head = sizes.indices.dropLast().map { index in
            parameters.scope("head").scope(2 * index).affine(inputs: sizes[index], outputs: sizes[index + 1])
        }
        for label in labels.read() where label < 0 || label != label.rounded() || label >= Float(classes) {
            throw ModelError("labels: expected whole numbers from 0 to \(classes - 1), received \(label)")
        }
    }

    /// Members of the node: `file` and those of `AccuracyProbeConfiguration`.
    /// - Throws: also where there are labels.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        guard assembly.labels.isEmpty else {
            throw ModelError("AccuracyProbe predicts one number, not one of 'labels'")
        }
        self = try assembly.module(settings, revealing: AccuracyProbeConfiguration.revealed) { parameters in
            try AccuracyProbe(parameters, try AccuracyProbeConfiguration(settings), spec: assembly.input.spec)
        }
    }

    /// The convolutions of a network, one after the other without padding.
    private static func shape(
        _ spec: NetworkSpec, _ configuration: AccuracyProbeConfiguration, _ activation: Nonlinearity
    ) throws(ModelError) -> ClassifierShape {
        let convolutions = spec.layers.dropLast()
        guard !convolutions.isEmpty, convolutions.allSatisfy({ !$0.kernel.isEmpty }),
            spec.layers.last?.kernel.isEmpty == true
        else {
            throw ModelError(
                "AccuracyProbe reads CNNs of convolutions, global average pooling and one fully connected layer, received \(spec.summary)"
            )
        }
        guard Nonlinearity.ofConvolutions.contains(activation) else {
            throw ModelError("AccuracyProbe reads relu and tanh, received \(activation.rawValue)")
        }
        var (height, width) = (configuration.height, configuration.width)
        var shapes: [ConvolutionShape] = []
        for layer in convolutions {
            let kernel = (height: layer.kernel[0], width: layer.kernel[1])
            guard kernel.height <= height, kernel.width <= width else {
                throw ModelError(
                    "picture: a kernel of \(kernel.height) × \(kernel.width) does not fit into the \(height) × \(width) that the convolutions before it leave of \(configuration.height) × \(configuration.width)"
                )
            }
            let own = ConvolutionShape(
                inputs: layer.inputs, height: height, width: width, outputs: layer.outputs, kernel: kernel,
                stride: configuration.stride)
            shapes.append(own)
            (height, width) = (own.outputHeight, own.outputWidth)
        }
        return ClassifierShape(shapes, classes: spec.outputs, activation: activation)
    }

    /// One scalar.
    package var outputs: [OutputDescription] { [OutputDescription(.scalars, [1])] }

    package var runsActivation: Bool { true }

    package var probePictures: ProbePictures? {
        ProbePictures(
            count: configuration.probes, channels: channels, height: configuration.height, width: configuration.width,
            classes: classes)
    }

    package func setProbePictures(_ values: [Float], labels own: [Int]) {
        pictures.write(values)
        labels.write(own.map(Float.init))
    }

    /// Records one forward pass on the unscaled weights for all of `outputs`.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let values = try predict(pass)
        return try outputs.map { output throws(ModelError) in
            guard output == .scalars else { throw Self.notOffered(output) }
            return .scalars(values)
        }
    }

    /// → (batch, 1)
    private func predict(_ pass: ForwardPass) throws(ModelError) -> Matrix {
        let (x, builder) = (pass.weights, pass.builder)
        let shape = try Self.shape(x.spec, configuration, pass.activation)
        let parameters = x.arrays.map {
            $0.reshaped(rows: x.batch, columns: $0.rows * $0.columns / x.batch)
        }
        let scores = builder.matrix(rows: x.batch * pictures.rows, columns: classes)
        builder.classifyPictures(parameters, shape, pictures: lanes, batch: x.batch, into: scores)
        let features = builder.matrix(rows: x.batch, columns: 2 * pictures.rows)
        let prediction = builder.matrix(rows: x.batch, columns: 1)
        let variety = builder.matrix(rows: x.batch, columns: 1)
        builder.gradeAnswers(
            scores, labels: labels, batch: x.batch, features: features, logits: prediction, variety: variety)
        let correction = head.enumerated().reduce(features) { input, step in
            let y = builder.apply(step.element, to: input)
            if step.offset < head.count - 1 { builder.activate(y, .gelu) }
            return y
        }
        builder.add(correction, timesRows: variety, to: prediction)
        builder.activate(prediction, .sigmoid)
        return prediction
    }
}
