import Tensors
import WeightFormats

/// An error in a configuration or recipe: names the member by its path, what was expected and what was received.
package struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The whole message.
    package let description: String

    /// An error with this message.
    package init(_ description: String) { self.description = description }
}

/// The members of one JSON object of a configuration, read by name.
///
/// Reading a member notes that its name is known. `finish` then refuses all members that were not read, here and in the
/// sections that were: otherwise a misspelt name would leave a default in force. Its error names the nearest known
/// name. All reads throw a `SettingError` where the value is of another type or out of bounds; null counts as missing.
package final class Settings {
    /// The path of the object in its document, `model.encoder`; empty for the document itself.
    package let path: String
    private let members: [JSONMember]
    /// For error messages: the paths of objects in the document that was read, keyed by their paths here, where the two
    /// differ because the document was converted from another form.
    private let authorPaths: [String: String]
    /// Names that were asked for, in order.
    private var asked: [String] = []
    private var sections: [Settings] = []
    /// The objects of arrays that were read, by the array's name; also in `sections`.
    private var lists: [String: [Settings]] = [:]
    /// The values of members that the parameter file reveals, which stand in for members that are missing.
    private var revealed: [JSONMember] = []

    /// The members of `value`.
    /// - Parameter authorPaths: for error messages, the path in the file of each object that has another path here.
    /// - Throws: where `value` is no object.
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

    /// Reads a whole document.
    /// - Throws: where it is not JSON or no object.
    package convenience init(json: [UInt8]) throws(SettingError) {
        let value: JSONValue
        do throws(FormatError) {
            value = try JSONValue.parse(json)
        } catch {
            throw SettingError(error.detail)
        }
        try self.init(value)
    }

    /// Ends reading.
    /// - Throws: one error that names every member that was not read, here and in the sections that were.
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

    /// The value of a member, of any type; nil where it is missing or null and the parameter file does not reveal it.
    package func value(_ name: String) -> JSONValue? {
        written(name) ?? revealed.first { $0.name == name }?.value
    }

    /// The value that the document has for a member; nil where it is missing or null.
    private func written(_ name: String) -> JSONValue? {
        if !asked.contains(name) { asked.append(name) }
        guard let value = members.first(where: { $0.name == name })?.value, !value.isNull else { return nil }
        return value
    }

    /// Whether the member is present and not null.
    package func has(_ name: String) -> Bool { value(name) != nil }

    /// A whole number within `bounds`; `standard` where the member is missing, an error where that is nil.
    package func int(_ name: String, in bounds: ClosedRange<Int>, default standard: Int? = nil) throws(SettingError)
        -> Int
    {
        try required(name, optionalInt(name, in: bounds) ?? standard)
    }

    /// A whole number within `bounds`; nil where the member is missing.
    package func optionalInt(_ name: String, in bounds: ClosedRange<Int>) throws(SettingError) -> Int? {
        try read(name, "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.int.flatMap { bounds.contains($0) ? $0 : nil }
        }
    }

    /// A number within `bounds`; `standard` where the member is missing, an error where that is nil.
    package func number(
        _ name: String, in bounds: ClosedRange<Double>, default standard: Double? = nil
    ) throws(SettingError) -> Double {
        let found = try read(name, "a number from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.double.flatMap { bounds.contains($0) ? $0 : nil }
        }
        return try required(name, found ?? standard)
    }

    /// A number above 0; `standard` where the member is missing.
    package func positive(_ name: String, default standard: Double) throws(SettingError) -> Double {
        try read(name, "a number above 0") { value in value.double.flatMap { $0 > 0 ? $0 : nil } } ?? standard
    }

    /// A Boolean; `standard` where the member is missing.
    package func bool(_ name: String, default standard: Bool) throws(SettingError) -> Bool {
        try read(name, "true or false", \.bool) ?? standard
    }

    /// A string; `standard` where the member is missing, an error where that is nil.
    package func text(_ name: String, default standard: String? = nil) throws(SettingError) -> String {
        try required(name, read(name, "a text", \.string) ?? standard)
    }

    /// A case of `Value` by its raw value; `standard` where the member is missing, an error where that is nil.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, default standard: Value? = nil
    ) throws(SettingError) -> Value where Value.RawValue == String {
        try required(name, optionalChoice(name) ?? standard)
    }

    /// A case of `Value` by its raw value; nil where the member is missing.
    package func optionalChoice<Value: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(SettingError) -> Value? where Value.RawValue == String {
        let names = Value.allCases.map(\.rawValue)
        return try read(name, listed(names)) { value in value.string.flatMap(Value.init(rawValue:)) }
    }

    /// An array of whole numbers within `bounds`, as many as `count` permits; an error where the member is missing.
    package func ints(
        _ name: String, in bounds: ClosedRange<Int>, count: ClosedRange<Int>
    ) throws(SettingError) -> [Int] {
        try required(name, optionalInts(name, in: bounds, count: count))
    }

    /// An array of whole numbers within `bounds`, as many as `count` permits; nil where the member is missing.
    package func optionalInts(
        _ name: String, in bounds: ClosedRange<Int>, count: ClosedRange<Int>
    ) throws(SettingError) -> [Int]? {
        let number =
            count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
        return try read(name, "\(number) whole numbers from \(bounds.lowerBound) to \(bounds.upperBound)") { value in
            value.ints.flatMap { count.contains($0.count) && $0.allSatisfy(bounds.contains) ? $0 : nil }
        }
    }

    /// A whole number within `bounds`, or an array of them; `standard` where the member is missing.
    package func intOrInts(
        _ name: String, in bounds: ClosedRange<Int>, default standard: Int
    ) throws(SettingError) -> [Int] {
        let expected = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound), or an array of them"
        return try read(name, expected) { value in
            let numbers = value.int.map { [$0] } ?? value.ints ?? []
            return !numbers.isEmpty && numbers.allSatisfy(bounds.contains) ? numbers : nil
        } ?? [standard]
    }

    /// An array of numbers; nil where the member is missing.
    package func optionalNumbers(_ name: String) throws(SettingError) -> [Double]? {
        try read(name, "an array of numbers") { value in
            guard let array = value.array else { return nil }
            let numbers = array.compactMap(\.double)
            return numbers.count == array.count ? numbers : nil
        }
    }

    /// An array of strings; empty where the member is missing.
    package func texts(_ name: String) throws(SettingError) -> [String] {
        try read(name, "an array of texts", \.strings) ?? []
    }

    /// The members of an object; an error where it is missing. `finish` also checks the section.
    package func section(_ name: String) throws(SettingError) -> Settings {
        try required(name, optionalSection(name))
    }

    /// The members of an object; nil where it is missing.
    package func optionalSection(_ name: String) throws(SettingError) -> Settings? {
        if let section = sections.first(where: { $0.path == childPath(name) }) { return section }
        let known = revealed.first { $0.name == name }?.value.members ?? []
        guard let value = written(name) ?? (known.isEmpty ? nil : .object([])) else { return nil }
        let section = try Settings(value, path: childPath(name), authorPaths: authorPaths)
        section.revealed = known
        sections.append(section)
        return section
    }

    /// The members of an object; an object without members where it is missing.
    package func sectionOrEmpty(_ name: String) throws(SettingError) -> Settings {
        if let section = try optionalSection(name) { return section }
        return try Settings(.object([]), path: childPath(name), authorPaths: authorPaths)
    }

    /// The objects of an array, `count` of them; an error where the member is missing. The path of each ends in its index:
    /// `layers[2]`. `finish` also checks them.
    package func objects(_ name: String, count: ClosedRange<Int>) throws(SettingError) -> [Settings] {
        if let known = lists[name] { return known }
        let expected = "an array of \(count.lowerBound) to \(count.upperBound) objects"
        let values: [JSONValue] = try required(
            name,
            read(name, expected) { value in value.array.flatMap { count.contains($0.count) ? $0 : nil } })
        var found: [Settings] = []
        for (index, value) in values.enumerated() {
            found.append(try Settings(value, path: "\(childPath(name))[\(index)]", authorPaths: authorPaths))
        }
        lists[name] = found
        sections += found
        return found
    }

    // MARK: Members and the parameter file

    /// Demands a member that the shapes of parameters do not reveal, and for which a default could be wrong without any
    /// error; null is an answer.
    /// - Parameter hint: what to write, after "is missing; the shapes of the parameters do not reveal it: ".
    package func demand(_ name: String, _ hint: String) throws(SettingError) {
        if members.contains(where: { $0.name == name }) { return }
        if let misspelt = misspelling(of: name) { throw misspelt }
        throw error(name, "is missing; the shapes of the parameters do not reveal it: \(hint)")
    }

    /// Refuses a member that would have no effect.
    /// - Parameter reason: why it has none.
    package func refuse(_ name: String, _ reason: String) throws(SettingError) {
        if written(name) != nil { throw error(name, "has no effect: \(reason)") }
    }

    /// Gives the members that the shapes of the parameters reveal: they stand in for members that are missing.
    func reveal(_ values: [JSONMember]) { revealed = values }

    /// For every member that says something else than the shapes of the parameters: its name, what it says and what they
    /// reveal.
    var contradictions: [String] {
        let own = revealed.compactMap { member -> String? in
            guard member.value.members == nil, let value = written(member.name), value != member.value else {
                return nil
            }
            return "\(full(member.name)) is \(value.summary), the file has \(member.value.summary)"
        }
        return own + sections.flatMap(\.contradictions)
    }

    /// All members, which then count as read: for objects with arbitrary names, such as `card`.
    package func allMembers() -> [JSONMember] {
        asked += members.map(\.name)
        return members
    }

    /// Reads a member by `convert`; nil where it is missing.
    /// - Parameters:
    ///   - expected: completes "expected …" in the error message.
    ///   - convert: returns nil for a value that does not fit, which is an error.
    package func read<Value>(
        _ name: String, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws(SettingError) -> Value? {
        guard let value = value(name) else { return nil }
        guard let result = convert(value) else {
            throw error(name, "expected \(expected), received \(value.summary)")
        }
        return result
    }

    /// The error that `reason` describes, of the member `name`.
    package func error(_ name: String, _ reason: String) -> SettingError {
        SettingError("member '\(full(name))': \(reason)")
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(SettingError) -> Value {
        guard let value else { throw misspelling(of: name) ?? SettingError("member '\(full(name))' is missing") }
        return value
    }

    /// The error of a member that was not asked for so far and whose name is near to that of a missing one.
    private func misspelling(of name: String) -> SettingError? {
        nearestName(to: name, among: members.map(\.name).filter { !asked.contains($0) }).map { other in
            SettingError("unknown member '\(full(other))'; did you mean '\(name)'?")
        }
    }

    private func childPath(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// The member's path in the file that was read, for error messages.
    private func full(_ name: String) -> String {
        let child = childPath(name)
        if let known = authorPaths[child] { return known }
        // The longest prefix of the path that stands elsewhere in the file.
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
    /// The value in an error message: numbers, Booleans, the first 64 characters of strings and arrays of up to 16
    /// elements as they are, everything else by its kind.
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

/// The known name nearest to a misspelt one by Levenshtein distance (insertions, deletions and substitutions); nil
/// where that distance is more than 1 for names of up to 3 characters, more than max(2, length / 3) otherwise.
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
