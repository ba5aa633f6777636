import HTTPCore
import ModelStore
import Models
import Networks
import SIREN
import WeightFormats

/// The form of the results.
package enum OutputFormat: String, Sendable, CaseIterable {
    case json
    case base64
    case npy
    case raw
    case png
    case safetensors
    case npz

    /// Whether all answers are one array, which has no place for the fault of a network.
    var isArray: Bool { [.npy, .raw, .safetensors, .npz].contains(self) }
}

/// The options of a `/v1` request: from the query, fields of a form or members of a JSON document.
package struct RequestOptions: Sendable, Equatable {
    /// Model, version, strictness, timeout and how networks are read.
    var shared = SharedOptions()
    /// Classes to list.
    package var topK = 5
    /// Nil where no option says, which leaves the choice to `Accept`.
    package var output: OutputFormat?
    /// Of a drawn picture; nil for the model's.
    package var height: Int?
    /// Of a drawn picture; nil for the model's.
    package var width: Int?
    /// `height` and `width` of a decoded picture where these are not given.
    private var size: Int?
    /// How the answers are tested against equivalent weights; nil where they are not.
    package var certification: Certification?
    /// The second one's share of the mean of two latent arrays; nil where each is drawn.
    package var blend: Double?

    package init() {}

    private var seed: UInt64?

    /// The options that a path has.
    static func names(of endpoint: Endpoint) -> [String] {
        switch endpoint {
        case .decode: decodeNames
        case .render: renderNames
        case .inference(.classes), .predictInstances: classifyNames
        default: inferenceNames
        }
    }

    private static let commonNames = ["model", "version", "output", "strict", "timeout_ms"]
    private static let decodeNames = commonNames + ["size", "height", "width", "blend"]
    private static let renderNames = commonNames + ["height", "width"] + SharedOptions.readingNames
    private static let inferenceNames = commonNames + ["certify", "seed"] + SharedOptions.readingNames
    private static let classifyNames = inferenceNames + ["top_k"]

    /// - Parameters:
    ///   - query: an unknown or repeated name is an error. Has precedence over `form`, and `form` over `members`.
    ///   - members: of the document; unknown ones are ignored, since other tools add members of their own.
    ///   - form: text fields of a form; an unknown or repeated name is an error as in the query.
    ///   - names: of the options that the path has.
    init(
        query: [QueryItem], members: [String: JSONValue] = [:], form: [(String, String)] = [],
        names: [String]
    ) throws(ServiceFault) {
        var own = self
        try OptionSources(query: query, members: members, form: form).read(names) {
            name, value throws(ServiceFault) in
            try own.set(name, value)
        }
        self = own
        (height, width) = (height ?? size, width ?? size)
        certification?.seed = seed
        if certification != nil, let output, output != .json, output != .base64 {
            throw .badRequest(
                "option 'certify': output \(output.rawValue) has no place for the drift; expected json or base64")
        }
        try shared.finish()
    }

    private mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "top_k": topK = try OptionValue.topK(name, value)
        case "output": output = try OptionValue.choice(name, value == "binary" ? "raw" : value)
        case "height": height = try OptionValue.pixels(name, value)
        case "width": width = try OptionValue.pixels(name, value)
        case "certify":
            certification = Certification(trials: try OptionValue.whole(name, value, 1...Certification.mostTrials))
        case "seed": seed = UInt64(try OptionValue.whole(name, value, 0...Int(Certification.greatestSeed)))
        case "size": size = try OptionValue.pixels(name, value)
        case "blend":
            guard let share = Double(value), (0...1).contains(share) else {
                throw .badRequest("option 'blend': expected a number from 0 to 1, received '\(printable(value))'")
            }
            blend = share
        default: try shared.set(name, value)
        }
    }
}

extension OptionValue {
    /// What the texts of the options of notation say together, by name.
    /// - Throws: 400 for a value that an option does not take.
    static func claims(_ texts: [String: String]) throws(ServiceFault) -> NotationClaims {
        do throws(NotationOptionError) {
            return try NotationClaims(options: texts)
        } catch {
            throw .badRequest(
                "option '\(error.name)': expected \(error.expected), received '\(printable(error.received))'")
        }
    }
}
