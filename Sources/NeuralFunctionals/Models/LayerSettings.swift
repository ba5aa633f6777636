import Engine
import Networks

/// Which linear layer a network of such layers is made of, by the authors' names.
package enum LinearMode: String, Decodable, Sendable {
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

package struct GaussianSettings: Decodable, Sendable {
    package let mappingSize: Int

    enum CodingKeys: String, CodingKey, CaseIterable { case mappingSize = "mapping_size" }

    static var memberNames: [String] { CodingKeys.allCases.map(\.rawValue) }

    package init(from decoder: any Decoder) throws {
        mappingSize = try decoder.container(keyedBy: CodingKeys.self).decode(.mappingSize, in: SettingBounds.extent)
    }
}

package struct PointwiseSettings: Decodable, Sendable {
    package let outputChannels: Int

    enum CodingKeys: String, CodingKey, CaseIterable { case outputChannels = "out_channels" }

    static var memberNames: [String] { CodingKeys.allCases.map(\.rawValue) }

    package init(from decoder: any Decoder) throws {
        outputChannels = try decoder.container(keyedBy: CodingKeys.self).decode(
            .outputChannels, in: SettingBounds.extent)
    }
}

package struct SinusoidalSettings: Decodable, Sendable {
    package let maximumFrequency: Float
    package let bands: Int
    package let encodesLayers: Bool

    enum CodingKeys: String, CodingKey, CaseIterable {
        case maximumFrequency = "max_freq"
        case bands = "num_bands"
        case encodesLayers = "enc_layers"
    }

    static var memberNames: [String] { CodingKeys.allCases.map(\.rawValue) }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        maximumFrequency = try values.decodeIfPresent(Float.self, forKey: .maximumFrequency) ?? 10
        bands = try values.decodeIfPresent(.bands, in: SettingBounds.extent) ?? 6
        encodesLayers = try values.decodeIfPresent(Bool.self, forKey: .encodesLayers) ?? true
    }

    var layer: IOSinusoidalEncoding {
        IOSinusoidalEncoding(maximumFrequency: maximumFrequency, bands: bands, encodesLayers: encodesLayers)
    }
}
