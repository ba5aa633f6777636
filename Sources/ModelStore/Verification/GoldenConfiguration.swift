import Networks
import NeuralFunctionals

/// What a golden file's `config` says: which layer or model, and its sizes.
package struct GoldenConfiguration: Decodable {
    package enum Kind: Equatable {
        case layer(String)
        case model(String)

        package var name: String {
            switch self {
            case .layer(let name), .model(let name): name
            }
        }

        /// Largest |difference| / max(1, |x|) that still agrees.
        package var tolerance: Float {
            switch self {
            case .layer: 1e-5
            case .model: 1e-4
            }
        }
    }

    package let kind: Kind
    /// nil for modules that read plain tensors.
    package let spec: NetworkSpec?
    let image: ImageShape?
    let settings: Settings
    private let decoder: DecoderBox

    /// Settings of single layers; models decode their own.
    struct Settings: Decodable {
        let channels: Int?
        let inputChannels: Int?
        let outputChannels: Int?
        let mappingSize: Int?
        let heads: Int?
        let expansion: Int?
        let sharesProjections: Bool?
        let embedsIO: Bool?
        let latents: Int?

        enum CodingKeys: String, CodingKey {
            case channels
            case inputChannels = "in_channels"
            case outputChannels = "out_channels"
            case mappingSize = "mapping_size"
            case heads = "num_heads"
            case expansion = "ff_factor"
            case sharesProjections = "share_projections"
            case embedsIO = "io_embed"
            case latents = "num_latents"
        }
    }

    private struct DecoderBox {
        let decoder: any Decoder
    }

    private enum CodingKeys: String, CodingKey {
        case layer
        case model
        case sizes
        case filters
        case kind
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let layer = try values.decodeIfPresent(String.self, forKey: .layer) {
            kind = .layer(layer)
        } else {
            kind = .model(try values.decode(String.self, forKey: .model))
        }
        let sizes = try values.decodeIfPresent([Int].self, forKey: .sizes)
        let filters = try values.decodeIfPresent([[Int]?].self, forKey: .filters)
        if let sizes {
            let layers = sizes.count - 1
            let kernelsFit = (filters ?? []).allSatisfy { sides in
                sides.map { $0.count == 2 && $0.allSatisfy(SettingBounds.kernel.contains) } ?? true
            }
            guard layers > 0, sizes.allSatisfy(SettingBounds.neurons.contains), kernelsFit,
                filters.map({ $0.count == layers }) ?? true
            else {
                throw DecodingError.dataCorruptedError(
                    forKey: .sizes, in: values, debugDescription: "sizes and filters do not describe a network")
            }
            spec = NetworkSpec(sizes: sizes, kernels: filters.map { $0.map { $0 ?? [] } })
        } else {
            spec = nil
        }
        let data = try values.decodeIfPresent(String.self, forKey: .kind)
        image = try data.map { name in
            switch name {
            case "mnist", "fashion": return ImageShape(height: 28, width: 28, channels: 1)
            case "cifar": return ImageShape(height: 32, width: 32, channels: 3)
            default:
                throw DecodingError.dataCorruptedError(
                    forKey: .kind, in: values,
                    debugDescription: "unknown data '\(name)', expected mnist, fashion or cifar")
            }
        }
        settings = try Settings(from: decoder)
        self.decoder = DecoderBox(decoder: decoder)
    }

    /// The settings read as a model's configuration.
    func model<Configuration: Decodable>(_ type: Configuration.Type) throws(VerificationError) -> Configuration {
        do {
            return try Configuration(from: decoder.decoder)
        } catch {
            throw VerificationError("the configuration of '\(kind.name)' cannot be read: \(describe(error))")
        }
    }

    func network() throws(VerificationError) -> NetworkSpec {
        guard let spec else { throw VerificationError("the configuration of '\(kind.name)' lacks 'sizes'") }
        return spec
    }

    func required(_ value: Int?, _ name: String) throws(VerificationError) -> Int {
        guard let value, SettingBounds.extent.contains(value) else {
            let bounds = "\(SettingBounds.extent.lowerBound) to \(SettingBounds.extent.upperBound)"
            throw VerificationError("the configuration of '\(kind.name)' lacks '\(name)', a number from \(bounds)")
        }
        return value
    }
}
