import Engine
import Networks
import NeuralFunctionals

/// Settings of an INR editor.
package struct TransferNetConfiguration: Sendable {
    package let mode: LinearMode
    package let hiddenChannels: Int
    package let hiddenLayers: Int
    package let mappingSize: Int?
    package let encodesPositions: Bool
    package let sinusoidal: SinusoidalSettings?
    package let hasNorm: Bool
    package let dropout: Double

    package init(_ settings: Settings) throws(SettingError) {
        mode = try settings.choice("mode")
        hiddenChannels = try settings.int("hidden_chan", in: SettingBounds.extent)
        hiddenLayers = try settings.int("hidden_layers", in: SettingBounds.depth)
        mappingSize = try settings.optionalInt("mapping_size", in: SettingBounds.extent)
        encodesPositions = try settings.bool("pos_enc", default: false)
        sinusoidal = try settings.optionalSection("io_sinusoidal").map { settings throws(SettingError) in
            try SinusoidalSettings(settings)
        }
        hasNorm = try settings.bool("lnorm", default: false)
        dropout = try settings.number("dropout", in: 0...1, default: 0)
    }
}

/// The INR editor: its output, added to the input weights, is the edited INR (arXiv 2302.14040, §3.3).
package struct TransferNet: Model {
    package static let type = "TransferNet"

    private let chain: LayerSequence

    package init(
        _ parameters: ParameterScope, _ configuration: TransferNetConfiguration, spec: NetworkSpec
    ) throws(ModelError) {
        guard configuration.mode != .hnp || spec.depth > 1 else {
            throw ModelError("HNP layers need networks of at least two layers")
        }
        let parameters = parameters.scope("hnet")
        var chain = LayerSequence(channels: 1)
        if let count = configuration.mappingSize {
            chain.append(parameters, channels: 2 * count) { GaussianFourierFeatures($0, inputs: 1, count: count) }
        }
        if configuration.encodesPositions {
            let layer =
                configuration.sinusoidal?.layer
                ?? IOSinusoidalEncoding(maximumFrequency: 3, bands: 3, encodesLayers: false)
            chain.append(parameters, channels: chain.channels + layer.addedChannels) { _ in layer }
        }
        for index in 0..<configuration.hiddenLayers {
            let inputs = chain.channels
            let channels = configuration.hiddenChannels
            chain.append(parameters, channels: channels) {
                configuration.mode.layer($0, spec, inputs: inputs, outputs: channels)
            }
            if configuration.hasNorm {
                chain.append(parameters, channels: channels) { SimpleLayerNorm($0, spec, channels: channels) }
            }
            chain.appendReLU()
            if index == 0, configuration.dropout > 0 { chain.skip() }
        }
        let inputs = chain.channels
        chain.append(parameters, channels: 1) { configuration.mode.layer($0, spec, inputs: inputs, outputs: 1) }
        chain.append(parameters, channels: 1) { LearnedScale($0, spec) }
        self.chain = chain
    }

    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let configuration = try TransferNetConfiguration(settings)
        self = try assembly.module(settings) { try TransferNet($0, configuration, spec: assembly.input.spec) }
    }

    package var outputs: [OutputDescription] { [OutputDescription(.weights, [])] }

    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let edited = pass.weights.like(in: pass.builder)
        for (change, (source, target)) in zip(
            self(pass.scaledWeights, in: pass.builder).arrays, zip(pass.weights.arrays, edited.arrays))
        {
            pass.builder.copy(source, to: target)
            pass.builder.add(change, to: target)
        }
        return try outputs.map { output throws(ModelError) in
            guard output == .weights else { throw Self.notOffered(output) }
            return .weights(edited)
        }
    }

    /// The change of every weight and bias, in single-channel features.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        chain(x, in: builder)
    }
}
