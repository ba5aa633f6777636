import Engine
import Networks
import NeuralFunctionals

/// What a model can be asked for. The raw values are the operations' names in paths and on the command line.
package enum Output: String, Sendable, CaseIterable {
    case classes = "classify"
    case latents = "encode"
    case picture = "reconstruct"
    case scalars = "predict"
    case weights = "edit"
}

/// An output with its shape for one network.
package struct OutputDescription: Sendable, Equatable {
    package let output: Output
    /// `[classes]`, `[latents, width]`, `[height, width, channels]` or `[scalars]`; empty for weights, whose shapes are
    /// those of the network that was read.
    package let shape: [Int]

    package init(_ output: Output, _ shape: [Int]) {
        self.output = output
        self.shape = shape
    }
}

/// A kind of model or of part of one, known by a name in `config.json` and reference files.
package protocol ModelKind: Sendable {
    static var type: String { get }
}

/// A model over the weights of networks: what it reads, what it answers, and how its forward pass is recorded.
package protocol Model: ModelKind {
    /// Builds the model from its node of `config.json`; parameters come from the assembly.
    /// - Throws: `SettingError`, `ModelError` or `ParameterError`, which say what does not fit.
    init(_ settings: Settings, _ assembly: ModelAssembly) throws

    /// What it can be asked for, in the order in which it is offered.
    var outputs: [OutputDescription] { get }

    /// Whether hidden layers must have the widths of the model's own networks.
    var needsOwnWidths: Bool { get }

    /// Records the computation of `outputs` for the pass's networks; what they have in common is recorded once.
    /// - Returns: one value for each of `outputs`, in order.
    /// - Throws: `ModelError` for an output that the model does not offer.
    func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput]

    /// The coordinates at which the model evaluates a network whose weights it need not read, in the notation of the
    /// model's own networks: (points, inputs). Nil for models that read weights only.
    var probeCoordinates: Matrix? { get }

    /// Records the classes of networks of which only the values at `probeCoordinates` are known.
    ///
    /// *Shapes:* values (points, outputs) of one network.
    /// - Throws: `ModelError` for a model without `probeCoordinates`.
    func recordClasses(ofValues values: Matrix, in builder: PlanBuilder) throws(ModelError) -> RecordedClasses

    /// Whether it standardises its inputs by statistics that belong to its parameters.
    var standardizes: Bool { get }

    /// Sets these statistics to those of `networks`: weights in the model's notation, canonical and scaled.
    func fitStandardization(to networks: [NetworkWeights])
}

extension Model {
    package var needsOwnWidths: Bool { standardizes }
    package var standardizes: Bool { false }
    package var probeCoordinates: Matrix? { nil }

    package func recordClasses(
        ofValues values: Matrix, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedClasses {
        throw ModelError("\(Self.type) reads the weights of networks, not their values")
    }

    package func fitStandardization(to networks: [NetworkWeights]) {}

    /// The shape of an output for one network; nil where the model does not offer it.
    package func shape(of output: Output) -> [Int]? { outputs.first { $0.output == output }?.shape }

    package func offers(_ output: Output) -> Bool { shape(of: output) != nil }

    /// Records a single output.
    package func record(_ output: Output, in pass: ForwardPass) throws(ModelError) -> RecordedOutput {
        guard let value = try record([output], in: pass).first else { throw Self.notOffered(output) }
        return value
    }

    static func notOffered(_ output: Output) -> ModelError { ModelError("\(type) does not \(output.rawValue)") }
}

/// An output while a plan is built: matrices of a batch of networks.
package enum RecordedOutput: Sendable {
    case classes(RecordedClasses)
    /// (batch·latents, width), and the latents of one network.
    case latents(Matrix, count: Int)
    /// (batch·pixels, channels), pixels row by row, values nominally in [−1, 1].
    case picture(Matrix, ImageShape)
    /// (batch, scalars)
    case scalars(Matrix)
    /// Weights of the edited networks, in the model's notation.
    case weights(WeightSpaceFeatures)

    /// Everything that is read after the plan has run.
    package var matrices: [Matrix] {
        switch self {
        case .classes(let classes): [classes.logits] + classes.parts.map(\.logits)
        case .latents(let matrix, _), .picture(let matrix, _), .scalars(let matrix): [matrix]
        case .weights(let features): features.arrays
        }
    }
}

/// Logits of a model and of each of its parts that classifies by itself.
package struct RecordedClasses: Sendable {
    /// (batch, classes)
    package let logits: Matrix
    /// At least one: `weights` for a part that reads the weights, `probes` for one that evaluates the network.
    package let parts: [Part]
    /// Names of parts that cannot read the network.
    package var silent: [String] = []

    package struct Part: Sendable {
        package let name: String
        /// (batch, classes)
        package let logits: Matrix
    }

    package init(logits: Matrix, parts: [Part]) {
        self.logits = logits
        self.parts = parts
    }

    /// Of a model with one part.
    init(_ name: String, _ logits: Matrix) { self.init(logits: logits, parts: [Part(name: name, logits: logits)]) }
}

/// One forward pass while it is recorded: the networks it reads and the plan it becomes.
package final class ForwardPass {
    package let builder: PlanBuilder
    /// Weights in the model's notation, canonical where the model asks for it: one channel.
    package let weights: WeightSpaceFeatures
    private let transform: InputTransform
    private let mix: ((Matrix) -> Matrix)?
    private var scaled: WeightSpaceFeatures?

    /// - Parameter mix: changes what a model has made of each network before its last layers read it, for training with
    ///   mixtures of networks.
    package init(
        _ weights: WeightSpaceFeatures, _ transform: InputTransform, mix: ((Matrix) -> Matrix)? = nil,
        in builder: PlanBuilder
    ) {
        self.builder = builder
        self.weights = weights
        self.transform = transform
        self.mix = mix
    }

    package var batch: Int { weights.batch }

    /// The weights with each array times its factor, as weight-space layers read them.
    package var scaledWeights: WeightSpaceFeatures {
        let result = scaled ?? transform.scaled(weights, in: builder)
        scaled = result
        return result
    }

    /// What the last layers read in place of `values`, rows of which belong to the networks in order.
    package func mixed(_ values: Matrix) -> Matrix { mix?(values) ?? values }
}
