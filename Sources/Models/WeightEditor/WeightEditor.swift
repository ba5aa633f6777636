import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// An INR editor: edited weights = weights + s · F(weights), where F is a `WeightSpaceEncoder` whose tokens are mapped to
/// one number each, and s a learned factor of each array (after Zhou et al., arXiv 2302.14040, §3.3, whose own editor is
/// `TransferNet`).
///
/// The change is counted in the units in which the encoder reads the weights, so that arrays of small weights begin
/// with small changes. With `networks` above 1 there are as many heads, and the edited network is the mean of as many
/// networks, which is one network as many times as wide.
package struct WeightEditor: Model {
    package static let type = "WeightEditor"

    private let encoder: WeightSpaceEncoder
    private let head: Pointwise
    private let scale: LearnedScale
    private let count: Int

    /// Reads `encoder.…`, `head` (`Pointwise`, a channel for each network) and `scale` (`LearnedScale`).
    /// - Parameters:
    ///   - count: networks whose mean is the edited one.
    ///   - transform: of the weights that the encoder reads.
    /// - Throws: `ModelError` where the settings do not fit each other or `spec`.
    package init(
        _ parameters: ParameterScope, _ configuration: WeightSpaceEncoderConfiguration, count: Int = 1,
        spec: NetworkSpec, transform: InputTransform = InputTransform()
    ) throws(ModelError) {
        self.count = count
        encoder = try WeightSpaceEncoder(parameters.scope("encoder"), configuration, spec: spec, transform: transform)
        head = Pointwise(parameters.scope("head"), spec, inputs: configuration.channels, outputs: count)
        scale = LearnedScale(parameters.scope("scale"), spec, initial: 0.01)
    }

    /// Members of the node: `file`, those of `WeightSpaceEncoderConfiguration`, and `networks`, by default 1.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        self = try assembly.module(
            settings,
            revealing: { file in
                let encoder = file.scope("encoder")
                let count = encoder.indices.isEmpty ? nil : encoder.indices.count - 2
                let heads = file.scope("head").extent("bias_maps.0.weight", 0)
                return WeightSpaceEncoderConfiguration.revealed(encoder, blockCount: count)
                    + members(("networks", .count(heads)))
            }
        ) { parameters in
            let configuration = try WeightSpaceEncoderConfiguration(settings)
            try configuration.demandHidden(settings)
            let count = try settings.int("networks", in: 1...16, default: 1)
            return try WeightEditor(
                parameters, configuration, count: count, spec: assembly.input.spec,
                transform: assembly.input.transform)
        }
    }

    /// The edited weights.
    package var outputs: [OutputDescription] { [OutputDescription(.weights, [])] }

    /// The networks whose mean is the edited one.
    package func networkCount(ofEdit name: String?) -> Int { count }

    /// Records the edited weights, in the model's notation.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let changes = self(pass.scaledWeights, in: pass.builder)
        let edited = (0..<count).map { index in
            let change = count == 1 ? changes : changes.channel(index, in: pass.builder)
            return pass.edited(by: pass.unscaled(change))
        }
        return try outputs.map { output throws(ModelError) in
            guard output == .weights else { throw Self.notOffered(output) }
            return .weights(edited)
        }
    }

    /// s · F(x): the changes of every scaled weight and bias. *Shapes:* single-channel features → a channel for each
    /// network.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        scale(head(encoder(x, in: builder), in: builder), in: builder)
    }
}
