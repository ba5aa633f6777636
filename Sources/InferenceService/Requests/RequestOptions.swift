import HTTPCore
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
}

/// The options of a `/v1` request: from the query, fields of a form or members of a JSON document.
package struct RequestOptions: Sendable, Equatable {
    package var model: String?
    package var version: String?
    /// Classes to list.
    package var topK = 5
    /// Nil where no option says, which leaves the choice to `Accept`.
    package var output: OutputFormat?
    /// Whether one network without an answer fails the request.
    package var isStrict = false
    /// From the end of the head; a request that still waits then is answered 504.
    package var timeout: Duration?
    /// What the client says of the networks' notation.
    package var claims = NotationClaims()
    /// The path of the member that holds the network, with dots between the keys; nil where it is searched for.
    package var member: String?
    /// The order of the parameters in a flat vector; nil looks at the values.
    package var layout: FlatLayout?
    /// ε of batch normalisation that is folded into layers; nil takes the file's or the library's.
    package var batchNormEpsilon: Double?
    /// Of a drawn picture; nil for the model's.
    package var height: Int?
    /// Of a drawn picture; nil for the model's.
    package var width: Int?

    package init() {}

    private static let names =
        [
            "model", "version", "top_k", "output", "strict", "timeout_ms", "member", "layout", "batch_norm_eps",
            "height", "width",
        ]
        + NotationClaims.optionNames
    /// The texts of the options of notation, which are read together.
    private var notation: [String: String] = [:]

    /// - Parameters:
    ///   - query: an unknown or repeated name is an error. Has precedence over `form`, and `form` over `members`.
    ///   - members: of the document; unknown ones are ignored, since other tools add members of their own.
    ///   - form: text fields of a form; unknown ones are ignored.
    init(
        query: [QueryItem], members: [String: JSONValue] = [:], form: [(String, String)] = []
    ) throws(ServiceFault) {
        for name in Self.names {
            guard let value = members[name], !value.isNull else { continue }
            guard let text = Self.text(of: value) else {
                throw .badRequest(
                    "option '\(name)': expected text, a number or a boolean, received an \(value.kind.rawValue)")
            }
            try set(name, text)
        }
        for (name, value) in form where Self.names.contains(name) { try set(name, value) }
        var seen: Set<String> = []
        for item in query {
            guard seen.insert(item.name).inserted else {
                throw .badRequest("option '\(printable(item.name))' is given twice")
            }
            guard Self.names.contains(item.name) else {
                throw .badRequest(
                    "unknown option '\(printable(item.name))'; known: \(Self.names.joined(separator: ", "))")
            }
            try set(item.name, item.value ?? "")
        }
        do throws(NotationOptionError) {
            claims = try NotationClaims(options: notation)
        } catch {
            throw ServiceFault(error)
        }
    }

    /// The text of an option of a JSON document; nil for arrays and objects.
    static func text(of value: JSONValue) -> String? {
        if let int = value.int { return String(int) }
        if let double = value.double { return String(double) }
        if let flag = value.bool { return flag ? "1" : "0" }
        return value.string
    }

    private mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "model": model = value
        case "version": version = value
        case "top_k": topK = try Self.whole(name, value, 1...65536)
        case "output": output = try Self.choice(name, value == "binary" ? "raw" : value)
        case "strict": isStrict = try Self.flag(name, value)
        case "timeout_ms": timeout = .milliseconds(try Self.whole(name, value, 1...3_600_000))
        case "member": member = value.isEmpty ? nil : value
        case "layout": layout = value == "auto" ? nil : try Self.choice(name, value)
        case "batch_norm_eps":
            guard let number = Double(value), number > 0, number < 1 else {
                throw .badRequest(
                    "option 'batch_norm_eps': expected a number above 0 and below 1, received '\(printable(value))'")
            }
            batchNormEpsilon = number
        case "height": height = try Self.whole(name, value, 1...65536)
        case "width": width = try Self.whole(name, value, 1...65536)
        default: notation[name] = value
        }
    }

    static func whole(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(ServiceFault) -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw .badRequest(
                "option '\(name)': expected a whole number from \(range.lowerBound) to \(range.upperBound), received '\(printable(value))'"
            )
        }
        return number
    }

    static func flag(_ name: String, _ value: String) throws(ServiceFault) -> Bool {
        switch value.lowercased() {
        case "1", "true", "yes", "on", "": return true
        case "0", "false", "no", "off": return false
        default: throw .badRequest("option '\(name)': expected 0, 1, false or true, received '\(printable(value))'")
        }
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ value: String
    ) throws(ServiceFault) -> Choice {
        guard let choice = Choice(rawValue: value) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("option '\(name)': expected one of \(known), received '\(printable(value))'")
        }
        return choice
    }
}

extension ServiceFault {
    /// 400 for a value that an option does not take.
    init(_ error: NotationOptionError) {
        self = .badRequest(
            "option '\(error.name)': expected \(error.expected), received '\(printable(error.received))'")
    }
}
