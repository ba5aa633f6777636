import NeuralFunctionals

extension TransferNet: ReferenceModule {
    /// Result: `output`, the change of the weights, as single-channel features.
    package static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord {
        let model = try TransferNet(parameters, try TransferNetConfiguration(settings), spec: try networks(input).spec)
        return { input, _, builder in ["output": .features(model(try input.features(channels: 1), in: builder))] }
    }
}
