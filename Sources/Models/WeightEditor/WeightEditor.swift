import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// An INR editor: edited weights = weights + s · F(weights), where F is a `WeightSpaceEncoder` whose tokens are mapped to
/// one number each, and s a learned factor of each array (after Zhou et al., arXiv 2302.14040, §3.3, whose own editor is
/// `TransferNet`).
///
/// The change is counted in the units in which the encoder reads the weights, so that arrays of small weights begin
/// with small changes.
package struct WeightEditor: Model {
    package static let type = "WeightEditor"

    private let encoder: WeightSpaceEncoder
    private let head: Pointwise
    private let scale: LearnedScale

    /// Reads `encoder.…`, `head` (`Pointwise`) and `scale` (`LearnedScale`).
    /// - Throws: `ModelError` where the settings do not fit each other or `spec`.
    package init(
        _ parameters: ParameterScope, _ configuration: WeightSpaceEncoderConfiguration, spec: NetworkSpec
    ) throws(ModelError) {
        encoder = try WeightSpaceEncoder(parameters.scope("encoder"), configuration, spec: spec)
        head = Pointwise(parameters.scope("head"), spec, inputs: configuration.channels, outputs: 1)
        scale = LearnedScale(parameters.scope("scale"), spec, initial: 0.01)
    }

    /// Members of the node: `file` and those of `WeightSpaceEncoderConfiguration`.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        self = try assembly.module(
            settings,
            revealing: { file in
                let encoder = file.scope("encoder")
                let count = encoder.indices.isEmpty ? nil : encoder.indices.count - 2
                return WeightSpaceEncoderConfiguration.revealed(encoder, blockCount: count)
            }
        ) { parameters in
            let configuration = try WeightSpaceEncoderConfiguration(settings)
            try configuration.demandHidden(settings)
            return try WeightEditor(parameters, configuration, spec: assembly.input.spec)
        }
    }

    /// The edited weights.
    package var outputs: [OutputDescription] { [OutputDescription(.weights, [])] }

    /// Records the edited weights, in the model's notation.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let change = self(pass.scaledWeights, in: pass.builder)
        let edited = pass.edited(by: pass.unscaled(change))
        return try outputs.map { output throws(ModelError) in
            guard output == .weights else { throw Self.notOffered(output) }
            return .weights(edited)
        }
    }

    /// s · F(x): the change of every scaled weight and bias. *Shapes:* single-channel features → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        scale(head(encoder(x, in: builder), in: builder), in: builder)
    }
}
