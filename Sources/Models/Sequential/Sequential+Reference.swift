import Engine
import NeuralFunctionals

extension Sequential: ReferenceModule {
    /// Result: `output`, (batch, outputs).
    package static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord {
        let model = try Sequential(
            parameters, try settings.objects("layers", count: Self.lengths), spec: try networks(input).spec)
        return { input, batch, builder in
            let y = model(try input.features(channels: 1), in: builder)
            return ["output": .tensor(y, [batch, y.columns])]
        }
    }
}
