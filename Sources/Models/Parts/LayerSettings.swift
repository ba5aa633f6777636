import Engine
import Networks
import NeuralFunctionals

/// The kind of linear layer that a model is made of, under the names in the authors' configurations.
package enum LinearMode: String, CaseIterable, Sendable {
    /// `Pointwise`: maps each entry by itself.
    case pointwise = "PT"
    /// `NPLinear`: equivariant to permutations of all neurons, inputs and outputs included.
    case np = "NP"
    /// `NPLinear` with learned vectors for inputs and outputs: equivariant to permutations of hidden neurons only.
    case npPositional = "NP-PosEmb"
    /// `HNPLinear`: equivariant to permutations of hidden neurons only.
    case hnp = "HNP"

    func layer(_ parameters: ParameterScope, _ spec: NetworkSpec, inputs: Int, outputs: Int) -> any WeightSpaceLayer {
        switch self {
        case .pointwise: Pointwise(parameters, spec, inputs: inputs, outputs: outputs)
        case .np: NPLinear(parameters, spec, inputs: inputs, outputs: outputs)
        case .npPositional: NPLinear(parameters, spec, inputs: inputs, outputs: outputs, embedsIO: true)
        case .hnp: HNPLinear(parameters, spec, inputs: inputs, outputs: outputs)
        }
    }
}

/// Settings of `GaussianFourierFeatures`.
package struct GaussianSettings: Sendable {
    /// `mapping_size`: frequencies; the layer has twice as many output channels.
    package let mappingSize: Int

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        mappingSize = try settings.int("mapping_size", in: SettingBounds.extent)
    }
}

/// Settings of a `Pointwise` layer at the input.
package struct PointwiseSettings: Sendable {
    /// `out_channels`.
    package let outputChannels: Int

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        outputChannels = try settings.int("out_channels", in: SettingBounds.extent)
    }
}

/// Settings of `IOSinusoidalEncoding`.
package struct SinusoidalSettings: Sendable {
    /// `max_freq`, by default 10: twice the highest frequency.
    package let maximumFrequency: Float
    /// `num_bands`, by default 6: frequencies.
    package let bands: Int
    /// `enc_layers`, by default true: whether layers are encoded besides inputs and outputs.
    package let encodesLayers: Bool

    /// - Throws: `SettingError` where a member is out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        maximumFrequency = Float(try settings.number("max_freq", in: 0...1e6, default: 10))
        bands = try settings.int("num_bands", in: SettingBounds.extent, default: 6)
        encodesLayers = try settings.bool("enc_layers", default: true)
    }

    /// Demands what parameters do not reveal.
    static func demand(_ settings: Settings) throws(SettingError) {
        try settings.demand("max_freq", "write max_freq of the IOSinusoidalEncoding; that of the nfn package is 10")
        try settings.demand(
            "enc_layers", "write enc_layers of the IOSinusoidalEncoding; that of the nfn package is true")
    }

    var layer: IOSinusoidalEncoding {
        IOSinusoidalEncoding(maximumFrequency: maximumFrequency, bands: bands, encodesLayers: encodesLayers)
    }
}
