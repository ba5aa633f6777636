import Engine
import Networks
import Tensors

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

    enum CodingKeys: String, CodingKey { case mappingSize = "mapping_size" }

    package init(from decoder: any Decoder) throws {
        mappingSize = try decoder.container(keyedBy: CodingKeys.self).decode(.mappingSize, in: SettingBounds.extent)
    }
}

package struct PointwiseSettings: Decodable, Sendable {
    package let outputChannels: Int

    enum CodingKeys: String, CodingKey { case outputChannels = "out_channels" }

    package init(from decoder: any Decoder) throws {
        outputChannels = try decoder.container(keyedBy: CodingKeys.self).decode(
            .outputChannels, in: SettingBounds.extent)
    }
}

package struct SinusoidalSettings: Decodable, Sendable {
    package let maximumFrequency: Float
    package let bands: Int
    package let encodesLayers: Bool

    enum CodingKeys: String, CodingKey {
        case maximumFrequency = "max_freq"
        case bands = "num_bands"
        case encodesLayers = "enc_layers"
    }

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

/// A chain of layers whose parameters carry their position in a `torch.nn.Sequential`.
struct LayerChain: Sendable {
    enum Element: Sendable {
        case layer(any WeightSpaceLayer)
        case relu
    }

    private var elements: [Element] = []
    private var position = 0
    private(set) var channels: Int

    init(channels: Int) { self.channels = channels }

    /// Appends the layer that `make` builds from the parameters of the next position.
    mutating func append(
        _ parameters: ParameterScope, channels: Int, _ make: (ParameterScope) -> any WeightSpaceLayer
    ) {
        elements.append(.layer(make(parameters.scope(position))))
        self.channels = channels
        position += 1
    }

    mutating func appendReLU() {
        elements.append(.relu)
        position += 1
    }

    /// Leaves out a position that holds nothing when serving, such as a dropout.
    mutating func skip() { position += 1 }

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        elements.reduce(x) { features, element in
            switch element {
            case .layer(let layer): return layer(features, in: builder)
            case .relu:
                builder.activate(features, .relu)
                return features
            }
        }
    }
}

/// Per-position statistics of raw weights that some checkpoints carry as buffers (`mean_weights_0`, `std_bias_1`, …).
struct WeightStandardization: Sendable {
    private let means: [Matrix]
    private let deviations: [Matrix]

    init(_ parameters: ParameterScope, _ spec: NetworkSpec) {
        func rows(_ kind: String) -> [Matrix] {
            spec.layers.enumerated().flatMap { index, layer in
                let weight = parameters.tensor("\(kind)_weights_\(index)", [1] + layer.weightShape).values
                let bias = parameters.tensor("\(kind)_bias_\(index)", [1, layer.outputs]).values
                return [weight, bias].map { Matrix(rows: 1, columns: $0.count, values: $0) }
            }
        }
        means = rows("mean")
        deviations = rows("std")
    }

    /// Only for networks of exactly the spec's widths and one channel.
    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let y = x.like(in: builder)
        for (index, (source, target)) in zip(x.arrays, y.arrays).enumerated() {
            let width = source.count / x.batch
            builder.standardize(
                source.reshaped(rows: x.batch, columns: width), mean: means[index], deviation: deviations[index],
                into: target.reshaped(rows: x.batch, columns: width))
        }
        return y
    }
}
