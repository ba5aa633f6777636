import Tensors
import WeightFormats

/// What is wrong with a configuration or recipe: the member by its path, the expected and the received.
package struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The members of one JSON object of a configuration, read by name.
///
/// Every read notes the name that was asked for. `finish` then refuses members that nothing asked for, here and in every
/// section: a misspelt name, which would leave a default in force, is an error that names the nearest known one.
package final class Settings {
    /// Where the object stands in the document, `model.encoder`; empty for the document itself.
    package let path: String
    private let members: [JSONMember]
    /// Paths under which the document's author knows some objects, where it was converted from another form.
    private let authorPaths: [String: String]
    /// Names that were asked for, in order.
    private var asked: [String] = []
    private var sections: [Settings] = []

    package init(
        _ value: JSONValue, path: String = "", authorPaths: [String: String] = [:]
    ) throws(SettingError) {
        guard let members = value.members else {
            let place = path.isEmpty ? "" : "member '\(authorPaths[path] ?? path)': "
            throw SettingError("\(place)expected a JSON object, received \(value.kind.phrase)")
        }
        self.path = path
        self.members = members
        self.authorPaths = authorPaths
    }

    /// A whole document.
    package convenience init(json: [UInt8]) throws(SettingError) {
        let value: JSONValue
        do throws(FormatError) {
            value = try JSONValue.parse(json)
        } catch {
            throw SettingError(error.detail)
        }
        try self.init(value)
    }

    /// Throws unless every member, here and in the sections that were read, was asked for.
    package func finish() throws(SettingError) {
        let problems = unknownMembers
        if !problems.isEmpty { throw SettingError(problems.joined(separator: "; ")) }
    }

    private var unknownMembers: [String] {
        let own = members.filter { !asked.contains($0.name) }.map { member in
            let nearest = nearestName(to: member.name, among: asked)
            let hint =
                nearest.map { "did you mean '\($0)'?" } ?? "expected one of \(asked.sorted().joined(separator: ", "))"
            return "unknown member '\(full(member.name))'; \(hint)"
        }
        return own + sections.flatMap(\.unknownMembers)
    }

    // MARK: Members

    /// The member's value; nil where it is missing or null.
    package func value(_ name: String) -> JSONValue? {
        if !asked.contains(name) { asked.append(name) }
        guard let value = members.first(where: { $0.name == name })?.value, !value.isNull else { return nil }
        return value
    }

    /// Whether the member is there and not null.
    package func has(_ name: String) -> Bool { value(name) != nil }

    package func int(_ name: String, in bounds: ClosedRange<Int>, default standard: Int? = nil) throws(SettingError)
        -> Int
    {
        try required(name, optionalInt(name, in: bounds) ?? standard)
    }

    package func optionalInt(_ name: String, in bounds: ClosedRange<Int>) throws(SettingError) -> Int? {
        try read(name, "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.int.flatMap { bounds.contains($0) ? $0 : nil }
        }
    }

    package func number(
        _ name: String, in bounds: ClosedRange<Double>, default standard: Double? = nil
    ) throws(SettingError) -> Double {
        let found = try read(name, "a number from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.double.flatMap { bounds.contains($0) ? $0 : nil }
        }
        return try required(name, found ?? standard)
    }

    /// A number above zero.
    package func positive(_ name: String, default standard: Double) throws(SettingError) -> Double {
        try read(name, "a number above 0") { value in value.double.flatMap { $0 > 0 ? $0 : nil } } ?? standard
    }

    package func bool(_ name: String, default standard: Bool) throws(SettingError) -> Bool {
        try read(name, "true or false", \.bool) ?? standard
    }

    package func text(_ name: String, default standard: String? = nil) throws(SettingError) -> String {
        try required(name, read(name, "a text", \.string) ?? standard)
    }

    /// One of the raw values of `Value`.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, default standard: Value? = nil
    ) throws(SettingError) -> Value where Value.RawValue == String {
        try required(name, optionalChoice(name) ?? standard)
    }

    package func optionalChoice<Value: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(SettingError) -> Value? where Value.RawValue == String {
        let names = Value.allCases.map(\.rawValue)
        return try read(name, listed(names)) { value in value.string.flatMap(Value.init(rawValue:)) }
    }

    package func ints(
        _ name: String, in bounds: ClosedRange<Int>, count: ClosedRange<Int>
    ) throws(SettingError) -> [Int] {
        try required(name, optionalInts(name, in: bounds, count: count))
    }

    package func optionalInts(
        _ name: String, in bounds: ClosedRange<Int>, count: ClosedRange<Int>
    ) throws(SettingError) -> [Int]? {
        let number =
            count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
        return try read(name, "\(number) whole numbers from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.ints.flatMap { count.contains($0.count) && $0.allSatisfy(bounds.contains) ? $0 : nil }
        }
    }

    package func optionalNumbers(_ name: String) throws(SettingError) -> [Double]? {
        try read(name, "an array of numbers") { value in
            guard let array = value.array else { return nil }
            let numbers = array.compactMap(\.double)
            return numbers.count == array.count ? numbers : nil
        }
    }

    package func texts(_ name: String) throws(SettingError) -> [String] {
        try read(name, "an array of texts", \.strings) ?? []
    }

    /// The object under `name`.
    package func section(_ name: String) throws(SettingError) -> Settings {
        try required(name, optionalSection(name))
    }

    package func optionalSection(_ name: String) throws(SettingError) -> Settings? {
        guard let value = value(name) else { return nil }
        let section = try Settings(value, path: childPath(name), authorPaths: authorPaths)
        sections.append(section)
        return section
    }

    /// The object under `name`, or an empty one.
    package func sectionOrEmpty(_ name: String) throws(SettingError) -> Settings {
        if let section = try optionalSection(name) { return section }
        return try Settings(.object([]), path: childPath(name), authorPaths: authorPaths)
    }

    /// Every member of an object whose names are free, such as a model's card.
    package func allMembers() -> [JSONMember] {
        asked += members.map(\.name)
        return members
    }

    /// Reads a member by `convert`, which gives nil for what does not fit.
    package func read<Value>(
        _ name: String, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws(SettingError) -> Value? {
        guard let value = value(name) else { return nil }
        guard let result = convert(value) else {
            throw error(name, "expected \(expected), received \(value.summary)")
        }
        return result
    }

    package func error(_ name: String, _ reason: String) -> SettingError {
        SettingError("member '\(full(name))': \(reason)")
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(SettingError) -> Value {
        guard let value else { throw SettingError("member '\(full(name))' is missing") }
        return value
    }

    private func childPath(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A member's path for a message.
    private func full(_ name: String) -> String {
        let child = childPath(name)
        if let known = authorPaths[child] { return known }
        // The longest prefix that has a path of its own.
        var prefix = path
        while true {
            if let known = authorPaths[prefix] { return known + child.dropFirst(prefix.count) }
            guard let dot = prefix.lastIndex(of: ".") else { return child }
            prefix = String(prefix[..<dot])
        }
    }

    private func listed(_ names: [String]) -> String {
        names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
    }
}

extension JSONValue {
    /// The value in an error message: numbers and short texts as they are, the rest by kind.
    fileprivate var summary: String {
        switch self {
        case .number(let value):
            return Int(exactly: value).map(String.init) ?? String(value)
        case .string(let text): return "'\(text.prefix(64))'"
        case .bool(let value): return String(value)
        case .array(let elements) where elements.count <= 16:
            return "[\(elements.map(\.summary).joined(separator: ", "))]"
        default: return kind.phrase
        }
    }
}

/// The name that a misspelt one most likely stands for: the fewest insertions, deletions and substitutions (Levenshtein
/// distance), at most two or a third of its length; nil where none is that near.
package func nearestName(to name: String, among known: [String]) -> String? {
    let distances = known.map { ($0, editDistance(name, $0)) }
    guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= (name.count < 4 ? 1 : max(2, name.count / 3)) else {
        return nil
    }
    return best.0
}

private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let substituted = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
