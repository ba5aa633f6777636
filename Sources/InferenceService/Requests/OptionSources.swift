import HTTPCore
import Models
import WeightFormats

/// The places of a request in which options stand: the query has precedence over fields of a form, and these over members
/// of a JSON document.
struct OptionSources {
    /// An unknown or repeated name is an error, as in a form.
    let query: [QueryItem]
    /// Of a document; unknown ones are ignored, since other tools add members of their own.
    var members: [String: JSONValue] = [:]
    /// Text fields of a form.
    var form: [(String, String)] = []

    /// Calls `set` with the name and the text of every option that is given, those with precedence last.
    /// - Parameter names: of the options that the endpoint has.
    func read(
        _ names: [String], _ set: (_ name: String, _ value: String) throws(ServiceFault) -> Void
    ) throws(ServiceFault) {
        for name in names {
            guard let value = members[name], !value.isNull else { continue }
            guard let text = Self.text(of: value) else {
                throw .badRequest(
                    "option '\(name)': expected text, a number or a boolean, received an \(value.kind.rawValue)")
            }
            try set(name, text)
        }
        for options in [form, query.map { ($0.name, $0.value ?? "") }] {
            var seen: Set<String> = []
            for (name, value) in options {
                guard seen.insert(name).inserted else {
                    throw .badRequest("option '\(printable(name))' is given twice")
                }
                guard names.contains(name) else { throw Self.unknown(name, names) }
                try set(name, value)
            }
        }
    }

    private static func unknown(_ name: String, _ names: [String]) -> ServiceFault {
        let nearest = nearestName(to: name, among: names).map { "did you mean '\($0)'? " } ?? ""
        return .badRequest("unknown option '\(printable(name))'; \(nearest)known: \(names.joined(separator: ", "))")
    }

    /// The text of an option of a JSON document; nil for arrays and objects.
    private static func text(of value: JSONValue) -> String? {
        if let int = value.int { return String(int) }
        if let double = value.double { return String(double) }
        if let flag = value.bool { return flag ? "1" : "0" }
        return value.string
    }
}

/// Reads the text of one option.
enum OptionValue {
    static func whole(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(ServiceFault) -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw .badRequest(
                "option '\(name)': expected a whole number from \(range.lowerBound) to \(range.upperBound), received '\(printable(value))'"
            )
        }
        return number
    }

    /// The side of a picture. What draws it knows the greatest and refuses a larger one.
    static func pixels(_ name: String, _ value: String) throws(ServiceFault) -> Int {
        guard let number = Int(value), number > 0 else {
            throw .badRequest(
                "option '\(name)': expected a whole number of pixels, at least 1, received '\(printable(value))'")
        }
        return number
    }

    /// Classes to list: `top_k`.
    static func topK(_ name: String, _ value: String) throws(ServiceFault) -> Int {
        try whole(name, value, 1...65536)
    }

    /// `timeout_ms`, at most an hour.
    static func timeout(_ name: String, _ value: String) throws(ServiceFault) -> Duration {
        .milliseconds(try whole(name, value, 1...3_600_000))
    }

    /// `batch_norm_eps`
    static func epsilon(_ name: String, _ value: String) throws(ServiceFault) -> Double {
        guard let number = Double(value), number > 0, number < 1 else {
            throw .badRequest(
                "option '\(name)': expected a number above 0 and below 1, received '\(printable(value))'")
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
