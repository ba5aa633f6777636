import Engine
import NeuralFunctionals

extension StatNet: ReferenceModule {
    /// Result: `output`, (batch, 1).
    package static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord {
        let model = StatNet(parameters, try StatNetConfiguration(settings), spec: try networks(input).spec)
        return { input, batch, builder in
            let y = model(try input.features(channels: 1), in: builder)
            return ["output": .tensor(y, [batch, y.columns])]
        }
    }
}
