/// A JSON value as a tree, for options, headers and configuration; weights are read without one.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Members in the order of the text; names are unique.
    case object([JSONMember])

    /// Parses a document.
    ///
    /// - Throws: `bad_json` for syntax errors, names that appear twice, numbers beyond the range of doubles, and more
    ///   than `limits.maxJSONValues` values.
    package static func parse(_ bytes: [UInt8], limits: FormatLimits = FormatLimits()) throws(FormatError) -> JSONValue
    {
        var scanner = JSONScanner(bytes, limits: limits)
        let value = try scanner.readValue(limits: limits)
        try scanner.finish()
        return value
    }

    /// The member of that name; nil if this is not an object or has no such member.
    package subscript(name: String) -> JSONValue? { members?.first { $0.name == name }?.value }

    /// The value at a path of member names. Setting it creates missing objects on the path, and replaces values on it
    /// that are not objects; nil sets null.
    package subscript(path: String...) -> JSONValue? {
        get { path.reduce(self) { value, name in value?[name] } }
        set { set(path[...], to: newValue ?? .null) }
    }

    private mutating func set(_ path: ArraySlice<String>, to value: JSONValue) {
        guard let name = path.first else {
            self = value
            return
        }
        var members = members ?? []
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value.set(path.dropFirst(), to: value)
        } else {
            var child = JSONValue.null
            child.set(path.dropFirst(), to: value)
            members.append(JSONMember(name, child))
        }
        self = .object(members)
    }

    /// The value if this is a boolean; otherwise nil.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The value if this is a number; otherwise nil.
    package var double: Double? { if case .number(let value) = self { value } else { nil } }
    /// The value if this is a string; otherwise nil.
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The elements if this is an array; otherwise nil.
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    /// The members if this is an object; otherwise nil.
    package var members: [JSONMember]? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// The number if it is an integer below 2⁵³ in magnitude, where doubles are exact; otherwise nil.
    package var int: Int? {
        guard let double, double.magnitude < 0x1p53, let int = Int(exactly: double) else { return nil }
        return int
    }

    /// The elements if this is an array of such integers; otherwise nil.
    package var ints: [Int]? {
        guard let array else { return nil }
        var result: [Int] = []
        for element in array {
            guard let int = element.int else { return nil }
            result.append(int)
        }
        return result
    }

    /// The elements if this is an array of strings; otherwise nil.
    package var strings: [String]? {
        guard let array else { return nil }
        var result: [String] = []
        for element in array {
            guard let string = element.string else { return nil }
            result.append(string)
        }
        return result
    }

    /// The kind of the value.
    package var kind: JSONScanner.Kind {
        switch self {
        case .null: .null
        case .bool: .boolean
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}

/// A name and its value in a JSON object.
package struct JSONMember: Sendable, Equatable {
    package var name: String
    package var value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
        self.name = name
        self.value = value
    }
}

extension JSONScanner {
    /// Reads the next value of any kind as a tree.
    package mutating func readValue(limits: FormatLimits = FormatLimits()) throws(FormatError) -> JSONValue {
        var remaining = limits.maxJSONValues
        return try readValue(&remaining)
    }

    /// - Parameter remaining: the most values that may be read; decremented for each.
    mutating func readValue(_ remaining: inout Int) throws(FormatError) -> JSONValue {
        guard remaining > 0 else { throw syntax("too many values") }
        remaining -= 1
        switch try peek() {
        case .object:
            var members: [JSONMember] = []
            try readObject { name, scanner throws(FormatError) in
                members.append(JSONMember(name, try scanner.readValue(&remaining)))
            }
            return .object(members)
        case .array:
            var elements: [JSONValue] = []
            try readArray { _, scanner throws(FormatError) in elements.append(try scanner.readValue(&remaining)) }
            return .array(elements)
        case .string: return .string(try readString())
        case .number:
            let start = position
            let number = try scanNumber()
            guard number.isFinite else { throw syntax("number out of range", at: start) }
            return .number(number)
        case .boolean: return .bool(try readBool())
        case .null:
            try readNull()
            return .null
        }
    }
}
