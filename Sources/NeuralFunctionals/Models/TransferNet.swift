import Engine
import Networks

/// Settings of an INR editor.
package struct TransferNetConfiguration: Decodable, Sendable {
    package let mode: LinearMode
    package let hiddenChannels: Int
    package let hiddenLayers: Int
    package let mappingSize: Int?
    package let encodesPositions: Bool
    package let sinusoidal: SinusoidalSettings?
    package let hasNorm: Bool
    package let dropout: Double

    enum CodingKeys: String, CodingKey {
        case mode
        case hiddenChannels = "hidden_chan"
        case hiddenLayers = "hidden_layers"
        case mappingSize = "mapping_size"
        case encodesPositions = "pos_enc"
        case sinusoidal = "io_sinusoidal"
        case hasNorm = "lnorm"
        case dropout
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        mode = try values.decode(LinearMode.self, forKey: .mode)
        hiddenChannels = try values.decode(.hiddenChannels, in: SettingBounds.extent)
        hiddenLayers = try values.decode(.hiddenLayers, in: SettingBounds.depth)
        mappingSize = try values.decodeIfPresent(.mappingSize, in: SettingBounds.extent)
        encodesPositions = try values.decodeIfPresent(Bool.self, forKey: .encodesPositions) ?? false
        sinusoidal = try values.decodeIfPresent(SinusoidalSettings.self, forKey: .sinusoidal)
        hasNorm = try values.decodeIfPresent(Bool.self, forKey: .hasNorm) ?? false
        dropout = try values.decodeIfPresent(Double.self, forKey: .dropout) ?? 0
    }
}

/// The INR editor: its output, added to the input weights, is the edited INR (arXiv 2302.14040, §3.3).
package struct TransferNet: Sendable {
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

    /// The change of every weight and bias, in single-channel features.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        chain(x, in: builder)
    }
}
