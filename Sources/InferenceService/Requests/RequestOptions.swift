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
    /// Nil for detection.
    package var convention: SIRENConvention?
    /// The sine frequency of the networks; nil for the model's.
    package var omega0: Double?
    /// Of a drawn picture; nil for the model's.
    package var height: Int?
    /// Of a drawn picture; nil for the model's.
    package var width: Int?

    package init() {}

    private static let names = [
        "model", "version", "top_k", "output", "strict", "timeout_ms", "convention", "omega0", "height", "width",
    ]

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
    }

    /// Nil for arrays and objects.
    private static func text(of value: JSONValue) -> String? {
        if let int = value.int { return String(int) }
        if let double = value.double { return String(double) }
        if let flag = value.bool { return flag ? "1" : "0" }
        return value.string
    }

    private mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "model": model = value
        case "version": version = value
        case "top_k": topK = try whole(name, value, 1...65536)
        case "output": output = try choice(name, value == "binary" ? "raw" : value)
        case "strict": isStrict = try flag(name, value)
        case "timeout_ms": timeout = .milliseconds(try whole(name, value, 1...3_600_000))
        case "convention":
            guard let known = Self.convention(value) else {
                throw .badRequest("option 'convention': \(Self.unknownConvention(value))")
            }
            convention = known
        case "omega0":
            guard let number = Double(value), number.isFinite, number > 0, number <= 1e6 else {
                throw .badRequest(
                    "option 'omega0': expected a number above 0 and up to 1000000, received '\(printable(value))'")
            }
            omega0 = number
        case "height": height = try whole(name, value, 1...65536)
        case "width": width = try whole(name, value, 1...65536)
        default: break  // `names` lists what is set here.
        }
    }

    /// `.some(nil)` for "auto", nil for text that names no convention.
    static func convention(_ text: String) -> SIRENConvention?? {
        text == "auto" ? .some(nil) : SIRENConvention(rawValue: text).map { .some($0) }
    }

    static func unknownConvention(_ text: String) -> String {
        let known = SIRENConvention.allCases.map(\.rawValue) + ["auto"]
        return "expected one of \(known.joined(separator: ", ")), received '\(printable(text))'"
    }

    private func whole(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(ServiceFault) -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw .badRequest(
                "option '\(name)': expected a whole number from \(range.lowerBound) to \(range.upperBound), received '\(printable(value))'"
            )
        }
        return number
    }

    private func flag(_ name: String, _ value: String) throws(ServiceFault) -> Bool {
        switch value.lowercased() {
        case "1", "true", "yes", "on", "": return true
        case "0", "false", "no", "off": return false
        default: throw .badRequest("option '\(name)': expected 0, 1, false or true, received '\(printable(value))'")
        }
    }

    private func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ value: String
    ) throws(ServiceFault) -> Choice {
        guard let choice = Choice(rawValue: value) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("option '\(name)': expected one of \(known), received '\(printable(value))'")
        }
        return choice
    }
}
