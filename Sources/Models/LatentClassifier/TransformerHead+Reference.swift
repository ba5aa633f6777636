import Engine
import NeuralFunctionals

extension TransformerHead: ReferenceModule {
    /// Input: latents, (batch, T, width). Result: `output`, the logits, (batch, classes).
    package static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord {
        let head = try TransformerHead(parameters, try TransformerHeadConfiguration(settings))
        return { input, batch, builder in
            let logits = try head(try input.matrix(), batch: batch, in: builder)
            return ["output": .tensor(logits, [batch, logits.columns])]
        }
    }
}
