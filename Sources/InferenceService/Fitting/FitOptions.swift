import Datasets
import HTTPCore
import SIREN
import WeightFormats

/// The form of fitted networks.
enum FitOutput: String, Sendable, CaseIterable {
    case json
    case safetensors
    case npz
    case pt

    /// Nil for JSON.
    var file: WeightsFile? { WeightsFile(rawValue: rawValue) }
}

/// The options of `/v1/fit`: from the query, fields of a form or members of a JSON document.
struct FitOptions: Sendable, Equatable {
    /// How the networks are fitted.
    var recipe = FitRecipe()
    var output = FitOutput.json
    /// Whether the networks are read by the default classifier.
    var classifies = false
    /// Classes to list.
    var topK = 5
    /// Strictness and timeout.
    var shared = SharedOptions()

    private static let names = [
        "hidden", "layers", "steps", "target_psnr", "seed", "notation", "output", "classify", "top_k", "strict",
        "timeout_ms",
    ]

    /// - Parameters:
    ///   - query: an unknown or repeated name is an error. Has precedence over `form`, and `form` over `members`.
    ///   - members: of the document; unknown ones are ignored.
    ///   - form: text fields of a form; an unknown or repeated name is an error as in the query.
    init(
        query: [QueryItem], members: [String: JSONValue] = [:], form: [(String, String)] = []
    ) throws(ServiceFault) {
        var own = self
        try OptionSources(query: query, members: members, form: form).read(Self.names) {
            name, value throws(ServiceFault) in
            try own.set(name, value)
        }
        self = own
        guard !classifies || output == .json else {
            throw .badRequest(
                "option 'classify': a \(output.rawValue) file has no place for predictions; leave out output or classify"
            )
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "hidden": recipe.hiddenWidth = try OptionValue.whole(name, value, 1...256)
        case "layers": recipe.hiddenLayers = try OptionValue.whole(name, value, 1...7)
        case "steps": recipe.steps = try OptionValue.whole(name, value, 1...100_000)
        case "seed": recipe.seed = UInt64(try OptionValue.whole(name, value, 0...(1 << 53)))
        case "notation": recipe.convention = try OptionValue.choice(name, value)
        case "target_psnr":
            guard let number = Double(value), (1...200).contains(number) else {
                throw .badRequest(
                    "option 'target_psnr': expected a number of dB from 1 to 200, received '\(printable(value))'")
            }
            recipe.targetPSNR = number
        case "output": output = try OptionValue.choice(name, value)
        case "classify": classifies = try OptionValue.flag(name, value)
        case "top_k": topK = try OptionValue.topK(name, value)
        default: try shared.set(name, value)
        }
    }
}
