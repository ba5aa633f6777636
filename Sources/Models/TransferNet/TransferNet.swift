import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// Settings of a `TransferNet`, under the member names of the authors' configuration files.
package struct TransferNetConfiguration: Sendable {
    /// `mode`: the kind of linear layer.
    package let mode: LinearMode
    /// `hidden_chan`: channels of the hidden layers.
    package let hiddenChannels: Int
    /// `hidden_layers`.
    package let hiddenLayers: Int
    /// `mapping_size`: frequencies of `GaussianFourierFeatures`, the first layer; nil for no such layer.
    package let mappingSize: Int?
    /// `pos_enc`, by default false: whether `IOSinusoidalEncoding` comes before the hidden layers.
    package let encodesPositions: Bool
    /// `io_sinusoidal`: settings of that encoding; nil for 3 frequencies up to 1.5 and no layers.
    package let sinusoidal: SinusoidalSettings?
    /// `lnorm`, by default false: whether a `SimpleLayerNorm` follows each hidden linear layer.
    package let hasNorm: Bool
    /// `dropout`, by default 0: the probability of the dropout after the first hidden layer in training. It is not
    /// computed here; above 0 it takes a position of the `Sequential`, and so changes parameter names.
    package let dropout: Double

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
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

extension TransferNetConfiguration {
    /// What the parameters reveal: all but `pos_enc` and its settings.
    static func revealed(_ file: ParameterShapes) -> [JSONMember] {
        let chain = file.scope("hnet")
        let linear = RevealedLinear.all(chain)
        let norm = linear.first.map { chain.scope($0.position + 1).scope("w_norms").isPresent } ?? false
        let step = linear.count > 1 ? linear[1].position - linear[0].position : 0
        return members(
            ("mode", .text(linear.first?.mode.rawValue)),
            ("hidden_chan", linear.count > 1 ? .count(linear[0].outputs) : nil),
            ("hidden_layers", linear.isEmpty ? nil : .count(linear.count - 1)),
            ("mapping_size", .count(chain.extent("0._B", 1))), ("lnorm", linear.isEmpty ? nil : .bool(norm)),
            ("dropout", step > (norm ? 3 : 2) ? .number(0.5) : nil))
    }
}

/// An INR editor (Zhou et al., arXiv 2302.14040, §3.3): edited weights = weights + net(weights), where net is a chain
/// of equivariant layers that ends in one channel and a learned scale for each array.
package struct TransferNet: Model {
    package static let type = "TransferNet"

    private let chain: LayerSequence

    /// Reads `hnet.…`.
    /// - Throws: `ModelError` where HNP layers are asked for networks of a single layer.
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
        chain.append(parameters, channels: 1) { LearnedScale($0, spec, initial: 0.01) }
        self.chain = chain
    }

    /// Members of the node: `file` and those of `TransferNetConfiguration`.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        self = try assembly.module(settings, revealing: TransferNetConfiguration.revealed) { parameters in
            let configuration = try TransferNetConfiguration(settings)
            if configuration.encodesPositions {
                try settings.demand(
                    "io_sinusoidal",
                    "write {\"max_freq\": 3, \"num_bands\": 3, \"enc_layers\": false} for the authors' editor")
                try SinusoidalSettings.demand(settings.sectionOrEmpty("io_sinusoidal"))
            } else {
                try settings.refuse("io_sinusoidal", "pos_enc is not true")
            }
            return try TransferNet(parameters, configuration, spec: assembly.input.spec)
        }
    }

    /// The edited weights.
    package var outputs: [OutputDescription] { [OutputDescription(.weights, [])] }

    /// Records weights + net(scaled weights), in the model's notation.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let edited = pass.edited(by: self(pass.scaledWeights, in: pass.builder))
        return try outputs.map { output throws(ModelError) in
            guard output == .weights else { throw Self.notOffered(output) }
            return .weights(edited)
        }
    }

    /// net(x): the change of every weight and bias. *Shapes:* single-channel features → the same.
    package func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        chain(x, in: builder)
    }
}
