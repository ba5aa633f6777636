import HTTPCore
import NetworkReading
import Networks
import SIREN
import WeightFormats

/// The form of edited networks.
enum EditOutput: String, Sendable, CaseIterable {
    case json
    case safetensors
    case npz
    case pt
    /// The picture that the edited network draws.
    case png

    /// Nil for JSON and pictures.
    var file: WeightsFile? { WeightsFile(rawValue: rawValue) }
}

/// The options of `/v1/edit`: from the query, fields of a form or members of a JSON document.
struct EditOptions: Sendable, Equatable {
    /// From left to right.
    var steps: [EditStep] = []
    var output = EditOutput.json
    /// Rows and columns of the picture; nil for none, and for a default where the picture is the answer.
    var size: Int?
    /// Model (of learned edits), version, strictness, timeout and how networks are read.
    var shared = SharedOptions()

    /// Rows and columns of a picture without the option `size`.
    static let defaultSize = 28

    private static let names =
        ["edits", "output", "size", "model", "version", "strict", "timeout_ms"] + SharedOptions.readingNames

    /// Rows and columns of the pictures of the answer; nil where it has none.
    var side: Int? { size ?? (output == .png ? Self.defaultSize : nil) }

    /// Whether two networks become one.
    var isBlend: Bool {
        steps.contains { step in
            if case .blend = step.action { true } else { false }
        }
    }

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
        guard !steps.isEmpty else {
            throw .badRequest(
                "option 'edits' is missing: steps with commas between, such as edits=rotate:30,contrast:1.5; exact edits are \(EditStep.exactForms.joined(separator: ", "))"
            )
        }
        guard size == nil || output.file == nil else {
            throw .badRequest(
                "option 'size': a \(output.rawValue) file has no place for a picture; leave out size, or use output=json or output=png"
            )
        }
        try shared.finish()
    }

    private mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "edits":
            do throws(EditStepError) {
                steps = try EditStep.list(value)
            } catch {
                throw .badRequest("option 'edits': expected \(error.expected), received \(printable(error.received))")
            }
        case "output": output = try OptionValue.choice(name, value)
        case "size": size = try OptionValue.pixels(name, value)
        default: try shared.set(name, value)
        }
    }

    /// What is looked for in the upload.
    var search: NetworkSearchOptions {
        var search = NetworkSearchOptions(
            readsAnyFunction: true, member: shared.member, layout: shared.layout,
            batchNormEpsilon: shared.batchNormEpsilon)
        search.recordsPlacement = true
        // The options of the notation say how the network is read, and stay with it.
        search.requestOptions = Set(Self.names).subtracting(NotationClaims.optionNames)
        return search
    }
}
