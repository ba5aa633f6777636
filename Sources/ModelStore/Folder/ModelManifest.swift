import Foundation
import Networks
import NeuralFunctionals
import SIREN

/// The `config.json` of a model folder.
package struct ModelManifest: Decodable, Sendable {
    package enum Task: String, Decodable, Sendable {
        case classify
        case encode
        case predictAccuracy = "predict_accuracy"
    }

    package let name: String
    package let version: String
    package let task: Task
    package let labels: [String]
    package let input: Input
    package let encoder: Encoder?
    package let classifier: Classifier?
    package let network: Network?
    package let probe: Probe?
    /// The probes' share of the answer where weights and probes both speak, the rest being the weights'.
    package let probeShare: Float
    /// Divides the logits before the softmax.
    package let temperature: Float
    package let card: [String: CardValue]

    /// What the model reads, and how raw weights are prepared for it.
    package struct Input: Decodable, Sendable {
        package let family: Family
        package let sizes: [Int]
        package let filters: [[Int]?]?
        package let omega0: Double
        package let convention: SIRENConvention
        package let image: ImageShape?
        package let canonicalizes: Bool
        package let arrayScales: [Double]?
        package let maximumHiddenWidth: Int

        package enum Family: String, Decodable, Sendable {
            case siren
            case cnn
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case family
            case sizes
            case filters
            case omega0
            case convention
            case image
            case canonicalizes = "canonicalize"
            case arrayScales = "array_scales"
            case maximumHiddenWidth = "max_hidden_width"
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            try refuseUnknownMembers(of: decoder, known: CodingKeys.allCases.map(\.rawValue))
            family = try values.decodeIfPresent(Family.self, forKey: .family) ?? .siren
            sizes = try values.decode([Int].self, forKey: .sizes)
            filters = try values.decodeIfPresent([[Int]?].self, forKey: .filters)
            omega0 = try values.decodeIfPresent(Double.self, forKey: .omega0) ?? 30
            let convention =
                try values.decodeIfPresent(String.self, forKey: .convention) ?? SIRENConvention.nfn.rawValue
            guard let known = SIRENConvention(rawValue: convention) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .convention, in: values, debugDescription: "expected nfn or dws, received '\(convention)'")
            }
            self.convention = known
            let extents = try values.decodeIfPresent([Int].self, forKey: .image)
            guard extents.map({ $0.count == 3 && $0.allSatisfy { (1...512).contains($0) } }) ?? true else {
                throw DecodingError.dataCorruptedError(
                    forKey: .image, in: values,
                    debugDescription: "expected [height, width, channels], 1 to 512 each, received \(extents ?? [])")
            }
            image = extents.map { ImageShape(height: $0[0], width: $0[1], channels: $0[2]) }
            canonicalizes = try values.decodeIfPresent(Bool.self, forKey: .canonicalizes) ?? false
            arrayScales = try values.decodeIfPresent([Double].self, forKey: .arrayScales)
            maximumHiddenWidth = try values.decodeIfPresent(.maximumHiddenWidth, in: SettingBounds.extent) ?? 512
            let layers = sizes.count - 1
            func isKernel(_ sides: [Int]) -> Bool {
                sides.count == 2 && sides.allSatisfy(SettingBounds.kernel.contains)
            }
            let kernelsFit =
                filters.map { $0.count == layers && $0.allSatisfy { $0.map(isKernel) ?? true } } ?? true
            guard layers > 0, sizes.allSatisfy(SettingBounds.neurons.contains), kernelsFit else {
                throw DecodingError.dataCorruptedError(
                    forKey: .sizes, in: values,
                    debugDescription:
                        "expected at least two positive sizes and, in filters, null or [height, width] for each of the layers between them, received sizes \(sizes) and filters \(filters?.map { $0.map(\.description) ?? "null" } ?? [])"
                )
            }
            guard omega0.isFinite, omega0 > 0 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .omega0, in: values, debugDescription: "expected a positive number, received \(omega0)")
            }
        }

        package var spec: NetworkSpec { NetworkSpec(sizes: sizes, kernels: filters.map { $0.map { $0 ?? [] } }) }
    }

    package struct Encoder: Decodable, Sendable {
        package let file: String
        package let configuration: Inr2ArrayConfiguration

        package init(from decoder: any Decoder) throws {
            file = try ModuleFile(from: decoder, models: ["AutoEncoder"]).file
            configuration = try Inr2ArrayConfiguration(from: decoder)
            try Inr2ArrayConfiguration.refuseUnknownMembers(of: decoder, besides: ModuleFile.memberNames)
        }
    }

    package struct Classifier: Decodable, Sendable {
        package let file: String
        package let configuration: LatentClassifierConfiguration

        package init(from decoder: any Decoder) throws {
            file = try ModuleFile(from: decoder, models: ["TransformerClassifier"]).file
            configuration = try LatentClassifierConfiguration(from: decoder)
            try LatentClassifierConfiguration.refuseUnknownMembers(of: decoder, besides: ModuleFile.memberNames)
        }
    }

    /// A model that goes from weights to its answer directly.
    package struct Network: Decodable, Sendable {
        package enum Configuration: Sendable {
            case invariantNFN(InvariantNFNConfiguration)
            case statNet(StatNetConfiguration)
        }

        package let file: String
        package let configuration: Configuration

        package init(from decoder: any Decoder) throws {
            let module = try ModuleFile(from: decoder, models: ["InvariantNFN", "StatNet"])
            file = module.file
            if module.model == "StatNet" {
                configuration = .statNet(try StatNetConfiguration(from: decoder))
                try StatNetConfiguration.refuseUnknownMembers(of: decoder, besides: ModuleFile.memberNames)
            } else {
                configuration = .invariantNFN(try InvariantNFNConfiguration(from: decoder))
                try InvariantNFNConfiguration.refuseUnknownMembers(of: decoder, besides: ModuleFile.memberNames)
            }
        }
    }

    /// A classifier that evaluates the INR.
    package struct Probe: Decodable, Sendable {
        package let file: String
        package let configuration: ProbeConfiguration

        package init(from decoder: any Decoder) throws {
            file = try ModuleFile(from: decoder, models: ["ProbeClassifier"]).file
            configuration = try ProbeConfiguration(from: decoder)
            try ProbeConfiguration.refuseUnknownMembers(of: decoder, besides: ModuleFile.memberNames)
        }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name
        case version
        case task
        case labels
        case input
        case encoder
        case classifier
        case network
        case probe
        case probeShare = "probe_share"
        case temperature
        case card
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try refuseUnknownMembers(of: decoder, known: CodingKeys.allCases.map(\.rawValue))
        name = try values.decode(String.self, forKey: .name)
        version = try values.decodeIfPresent(String.self, forKey: .version) ?? "1"
        task = try values.decode(Task.self, forKey: .task)
        labels = try values.decodeIfPresent([String].self, forKey: .labels) ?? []
        input = try values.decode(Input.self, forKey: .input)
        encoder = try values.decodeIfPresent(Encoder.self, forKey: .encoder)
        classifier = try values.decodeIfPresent(Classifier.self, forKey: .classifier)
        network = try values.decodeIfPresent(Network.self, forKey: .network)
        probe = try values.decodeIfPresent(Probe.self, forKey: .probe)
        probeShare = try values.decodeIfPresent(Float.self, forKey: .probeShare) ?? 0.5
        temperature = try values.decodeIfPresent(Float.self, forKey: .temperature) ?? 1
        card = try values.decodeIfPresent([String: CardValue].self, forKey: .card) ?? [:]
        for (key, text) in [(CodingKeys.name, name), (.version, version)] where !Self.isIdentifier(text) {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: values,
                debugDescription: "expected letters, digits, '.', '_' or '-', received '\(text)'")
        }
        guard (0...1).contains(probeShare) else {
            throw DecodingError.dataCorruptedError(
                forKey: .probeShare, in: values, debugDescription: "expected 0 to 1, received \(probeShare)")
        }
        guard temperature.isFinite, temperature > 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .temperature, in: values,
                debugDescription: "expected a positive number, received \(temperature)")
        }
    }

    private static func isIdentifier(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128 && text != "." && text != ".."
            && text.unicodeScalars.allSatisfy { scalar in
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                    || "._-".unicodeScalars.contains(scalar)
            }
    }
}

/// The members that every network section has.
private struct ModuleFile {
    let file: String
    let model: String

    enum CodingKeys: String, CodingKey, CaseIterable {
        case file
        case model
    }

    static var memberNames: [String] { CodingKeys.allCases.map(\.rawValue) }

    init(from decoder: any Decoder, models: [String]) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        file = try values.decode(String.self, forKey: .file)
        model = try values.decode(String.self, forKey: .model)
        guard !file.isEmpty, !file.contains("/"), file != "..", file != "." else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: values,
                debugDescription: "expected the name of a file in the folder, received '\(file)'")
        }
        guard models.contains(model) else {
            throw DecodingError.dataCorruptedError(
                forKey: .model, in: values,
                debugDescription: "expected \(models.joined(separator: " or ")), received '\(model)'")
        }
    }
}

/// A fact on a model's card: text or a number.
package enum CardValue: Decodable, Sendable, Equatable {
    case text(String)
    case number(Double)

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}
