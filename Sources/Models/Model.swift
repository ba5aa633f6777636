import Engine
import Networks
import NeuralFunctionals
import SIREN

/// The outputs that a model may offer. Raw values are the names of the operations in URL paths and on the command line.
package enum Output: String, Sendable, CaseIterable {
    /// Scores of classes.
    case classes = "classify"
    /// A latent array.
    case latents = "encode"
    /// A picture, reconstructed from latents.
    case picture = "reconstruct"
    /// Numbers, such as a predicted accuracy.
    case scalars = "predict"
    /// The weights of an edited network.
    case weights = "edit"
}

/// An output that a model offers, and its shape for one network.
package struct OutputDescription: Sendable, Equatable {
    /// What may be asked for.
    package let output: Output
    /// `[classes]`, `[latents, width]`, `[height, width, channels]` or `[scalars]`; empty for weights, whose shapes are
    /// those of the network that was read.
    package let shape: [Int]

    /// An output and its shape.
    package init(_ output: Output, _ shape: [Int]) {
        self.output = output
        self.shape = shape
    }
}

/// A kind of model, or of a part of one.
package protocol ModelKind: Sendable {
    /// Its name in `config.json` and reference files: the class name of the reference implementation, where that has
    /// one.
    static var type: String { get }
}

/// A model over the weights of networks: which outputs it offers, and how its forward pass is recorded.
package protocol Model: ModelKind {
    /// Builds the model from its node of `config.json`.
    /// - Parameter assembly: opens the parameter files, and knows the input and the labels.
    /// - Throws: `SettingError`, `ModelError` or `ParameterError`.
    init(_ settings: Settings, _ assembly: ModelAssembly) throws

    /// What may be asked for, in the order in which it is offered.
    var outputs: [OutputDescription] { get }

    /// Whether it reads only networks with exactly the hidden widths of `ModelInput.spec`; by default where it
    /// standardises.
    var needsOwnWidths: Bool { get }

    /// Records the computation of `outputs` for the networks of a pass; what outputs have in common is recorded once.
    /// - Returns: one value for each of `outputs`, in order.
    /// - Throws: `ModelError` for an output that the model does not offer.
    func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput]

    /// The names of the edits that it offers, where it offers several; empty otherwise.
    var edits: [String] { get }

    /// Records one of the edits: the weights of the edited networks. By default the only edit.
    /// - Throws: `ModelError` for an edit that the model does not offer.
    func recordEdit(_ name: String?, in pass: ForwardPass) throws(ModelError) -> RecordedOutput

    /// The networks that one of the edits answers for a network, whose mean is the edited one; by default 1.
    func networkCount(ofEdit name: String?) -> Int

    /// The coordinates at which the model evaluates a network whose weights it need not read, in the notation of the
    /// model's own networks: (points, inputs). Nil for models that read weights only.
    var probeCoordinates: Matrix? { get }

    /// Records the classes of networks of which only the values at `probeCoordinates` are known.
    ///
    /// *Shapes:* values (points, outputs) of one network.
    /// - Throws: `ModelError` for a model without `probeCoordinates`.
    func recordClasses(ofValues values: Matrix, in builder: PlanBuilder) throws(ModelError) -> RecordedClasses

    /// The shape of the latent arrays of one network from which the model draws pictures, [latents, width]; by default nil,
    /// for a model that draws none.
    var decodedLatents: [Int]? { get }

    /// Records the picture that the model draws from the latents of one network, at any size; with that of its own
    /// pictures, and latents that the model made, as it reconstructs.
    ///
    /// *Shapes:* latents, `decodedLatents`.
    /// - Parameter image: with as many channels as the model's own pictures.
    /// - Throws: `ModelError` for a model without `decodedLatents`.
    func recordPicture(
        ofLatents latents: Matrix, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedOutput

    /// Whether it runs the networks, so that its answers depend on the function between their layers.
    var runsActivation: Bool { get }

    /// The pictures with known classes on which the model runs networks; nil for models that run none.
    var probePictures: ProbePictures? { get }

    /// Sets these pictures; by default does nothing.
    /// - Parameters:
    ///   - values: (count, channels, height, width) of `probePictures`, from 0 to 1.
    ///   - labels: the class of each picture, from 0.
    func setProbePictures(_ values: [Float], labels: [Int])

    /// Whether it standardises its inputs by statistics that belong to its parameters.
    var standardizes: Bool { get }

    /// Sets these statistics to those of `networks`, converted, canonical and scaled by the model's `InputTransform`;
    /// by default does nothing.
    func fitStandardization(to networks: [NetworkWeights])
}

extension Model {
    package var needsOwnWidths: Bool { standardizes }
    package var standardizes: Bool { false }
    package var edits: [String] { [] }

    package func recordEdit(_ name: String?, in pass: ForwardPass) throws(ModelError) -> RecordedOutput {
        try record(.weights, in: pass)
    }

    /// 1: an edit answers one network.
    package func networkCount(ofEdit name: String?) -> Int { 1 }

    package var probeCoordinates: Matrix? { nil }
    package var runsActivation: Bool { false }
    package var probePictures: ProbePictures? { nil }
    package func setProbePictures(_ values: [Float], labels: [Int]) {}

    package func recordClasses(
        ofValues values: Matrix, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedClasses {
        throw ModelError("\(Self.type) reads the weights of networks, not their values")
    }

    package var decodedLatents: [Int]? { nil }

    package func recordPicture(
        ofLatents latents: Matrix, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedOutput {
        throw ModelError("\(Self.type) draws no pictures from latents")
    }

    package func fitStandardization(to networks: [NetworkWeights]) {}

    /// The shape of an output for one network; nil where the model does not offer it.
    package func shape(of output: Output) -> [Int]? { outputs.first { $0.output == output }?.shape }

    /// Whether `outputs` has it.
    package func offers(_ output: Output) -> Bool { shape(of: output) != nil }

    /// Records a single output.
    /// - Throws: `ModelError` where the model does not offer it.
    package func record(_ output: Output, in pass: ForwardPass) throws(ModelError) -> RecordedOutput {
        guard let value = try record([output], in: pass).first else { throw Self.notOffered(output) }
        return value
    }

    static func notOffered(_ output: Output) -> ModelError { ModelError("\(type) does not \(output.rawValue)") }
}

/// What pictures a model needs to run networks on.
package struct ProbePictures: Sendable, Equatable {
    /// The number of pictures.
    package let count: Int
    package let channels: Int
    package let height: Int
    package let width: Int
    /// Labels are from 0 to this number − 1.
    package let classes: Int
}

/// An output while a plan is built: the matrices of a batch of networks that hold it after a run.
package enum RecordedOutput: Sendable {
    /// Logits, (batch, classes).
    case classes(RecordedClasses)
    /// (batch·latents, width); `count` is the number of latents of one network.
    case latents(Matrix, count: Int)
    /// (batch·pixels, channels), pixels row by row, values nominally in [−1, 1].
    case picture(Matrix, ImageShape)
    /// (batch, scalars)
    case scalars(Matrix)
    /// Weights of one or several networks for each of the batch, in the model's notation: the mean of what they compute is
    /// the edited network's output.
    case weights([WeightSpaceFeatures])

    /// All matrices to be read after a run, which `PlanBuilder.finish` must keep.
    package var matrices: [Matrix] {
        switch self {
        case .classes(let classes): [classes.logits] + classes.parts.map(\.logits)
        case .latents(let matrix, _), .picture(let matrix, _), .scalars(let matrix): [matrix]
        case .weights(let networks): networks.flatMap(\.arrays)
        }
    }
}

/// The logits of a model and of each of its parts that classifies by itself.
package struct RecordedClasses: Sendable {
    /// The whole model's, (batch, classes).
    package let logits: Matrix
    /// At least one: `weights` for a part that reads the weights, `probes` for one that evaluates the network.
    package let parts: [Part]
    /// Names of parts that cannot read the network.
    package var silent: [String] = []

    /// A part that classifies by itself.
    package struct Part: Sendable {
        /// `weights` or `probes`.
        package let name: String
        /// (batch, classes)
        package let logits: Matrix
    }

    /// - Parameter parts: at least one.
    package init(logits: Matrix, parts: [Part]) {
        self.logits = logits
        self.parts = parts
    }

    /// The logits of a model that has one part.
    init(_ name: String, _ logits: Matrix) { self.init(logits: logits, parts: [Part(name: name, logits: logits)]) }
}

/// One forward pass while it is recorded: the networks that it reads, and the plan that it becomes.
package final class ForwardPass {
    /// Records the steps.
    package let builder: PlanBuilder
    /// The raw weights, single-channel features: converted to the model's convention and canonical where the model asks
    /// for it, not scaled.
    package let weights: WeightSpaceFeatures
    /// The function between the layers of the networks.
    package let activation: Nonlinearity
    private let transform: InputTransform
    private let mix: ((Matrix) -> Matrix)?
    private var scaled: WeightSpaceFeatures?

    /// - Parameters:
    ///   - activation: of the networks; nil for that of the model's networks.
    ///   - mix: changes what a model has made of each network before its last layers read it, for training with
    ///     mixtures of networks.
    package init(
        _ weights: WeightSpaceFeatures, _ transform: InputTransform, activation: Nonlinearity? = nil,
        mix: ((Matrix) -> Matrix)? = nil, in builder: PlanBuilder
    ) {
        self.builder = builder
        self.weights = weights
        self.activation = activation ?? transform.activation
        self.transform = transform
        self.mix = mix
    }

    /// The number of networks.
    package var batch: Int { weights.batch }

    /// `weights` with each array multiplied by its factor (`InputTransform.scaled`): what weight-space layers read.
    /// Recorded once.
    package var scaledWeights: WeightSpaceFeatures {
        let result = scaled ?? transform.scaled(weights, in: builder)
        scaled = result
        return result
    }

    /// The inverse of `scaledWeights`: changes of the scaled weights as changes of `weights`.
    package func unscaled(_ changes: WeightSpaceFeatures) -> WeightSpaceFeatures {
        transform.unscaled(changes, in: builder)
    }

    /// `weights` + `changes`: the weights of an edited network.
    package func edited(by changes: WeightSpaceFeatures) -> WeightSpaceFeatures {
        let result = weights.like(in: builder)
        for (change, (source, target)) in zip(changes.arrays, zip(weights.arrays, result.arrays)) {
            builder.copy(source, to: target)
            builder.add(change, to: target)
        }
        return result
    }

    /// `values` after the pass's `mix`: what a head reads. *Shapes:* (batch·n, columns), n rows for each network in
    /// order → the same.
    package func mixed(_ values: Matrix) -> Matrix { mix?(values) ?? values }
}
