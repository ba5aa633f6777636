import Engine
import Networks
import NeuralFunctionals

/// Which linear layer a network of such layers is made of, by the authors' names.
package enum LinearMode: String, CaseIterable, Sendable {
    case pointwise = "PT"
    case np = "NP"
    case npPositional = "NP-PosEmb"
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
    package let mappingSize: Int

    package init(_ settings: Settings) throws(SettingError) {
        mappingSize = try settings.int("mapping_size", in: SettingBounds.extent)
    }
}

/// Settings of a `Pointwise` layer at the input.
package struct PointwiseSettings: Sendable {
    package let outputChannels: Int

    package init(_ settings: Settings) throws(SettingError) {
        outputChannels = try settings.int("out_channels", in: SettingBounds.extent)
    }
}

/// Settings of `IOSinusoidalEncoding`.
package struct SinusoidalSettings: Sendable {
    package let maximumFrequency: Float
    package let bands: Int
    package let encodesLayers: Bool

    package init(_ settings: Settings) throws(SettingError) {
        maximumFrequency = Float(try settings.number("max_freq", in: 0...1e6, default: 10))
        bands = try settings.int("num_bands", in: SettingBounds.extent, default: 6)
        encodesLayers = try settings.bool("enc_layers", default: true)
    }

    var layer: IOSinusoidalEncoding {
        IOSinusoidalEncoding(maximumFrequency: maximumFrequency, bands: bands, encodesLayers: encodesLayers)
    }
}
