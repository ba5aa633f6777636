/// Reads a JSON text (RFC 8259) value by value, without building a tree.
///
/// Callers read the kind of value that they expect next. A syntax error is `bad_json`, with the position in bytes; a
/// value of another kind is `dtype`.
package struct JSONScanner {
    let bytes: [UInt8]
    /// Index of the next byte.
    package internal(set) var position = 0
    var depth = 0
    private let maxDepth: Int
    private let maxMembers: Int

    /// The kind of a value.
    package enum Kind: String, Sendable {
        case object
        case array
        case string
        case number
        case boolean
        case null
    }

    /// Skips a byte order mark at the start.
    package init(_ bytes: [UInt8], limits: FormatLimits = FormatLimits()) {
        self.bytes = bytes
        maxDepth = limits.maxJSONDepth
        maxMembers = limits.maxJSONValues
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    // MARK: Structure

    /// The kind of the next value, which is not consumed.
    package mutating func peek() throws(FormatError) -> Kind {
        skipWhitespace()
        guard position < bytes.count else { throw syntax("expected a value, found the end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        default: throw syntax("expected a value, found \(found)")
        }
    }

    /// Reads an object; `body` is called with each name and must consume the value.
    ///
    /// - Throws: `bad_json` if a name appears twice.
    package mutating func readObject(
        _ body: (_ name: String, _ scanner: inout JSONScanner) throws(FormatError) -> Void
    ) throws(FormatError) {
        try expect(.object)
        try enter()
        var names = DistinctNames()
        if try !closes(UInt8(ascii: "}")) {
            repeat {
                skipWhitespace()
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                    throw syntax("expected a member name, found \(found)")
                }
                let start = position
                let name = try readString()
                guard names.insert(name) else {
                    throw syntax("member \(quoted(name)) appears twice", at: start)
                }
                guard names.count <= maxMembers else { throw syntax("more than \(maxMembers) members") }
                skipWhitespace()
                guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                    throw syntax("expected ':', found \(found)")
                }
                position += 1
                try body(name, &self)
            } while try !separated(before: UInt8(ascii: "}"))
        }
        depth -= 1
    }

    /// Reads an array; `body` is called before each element and must consume it.
    package mutating func readArray(
        _ body: (_ index: Int, _ scanner: inout JSONScanner) throws(FormatError) -> Void
    ) throws(FormatError) {
        try expect(.array)
        try enter()
        if try closes(UInt8(ascii: "]")) {
            depth -= 1
        } else {
            try readElements(from: 0, body)
        }
    }

    /// Reads the elements from that index, at which the scanner is, to the end of the array.
    mutating func readElements(
        from start: Int, _ body: (_ index: Int, _ scanner: inout JSONScanner) throws(FormatError) -> Void
    ) throws(FormatError) {
        var index = start
        repeat {
            try body(index, &self)
            index += 1
        } while try !separated(before: UInt8(ascii: "]"))
        depth -= 1
    }

    package mutating func readBool() throws(FormatError) -> Bool {
        try expect(.boolean)
        let value = bytes[position] == UInt8(ascii: "t")
        try literal(value ? "true" : "false")
        return value
    }

    package mutating func readNull() throws(FormatError) {
        try expect(.null)
        try literal("null")
    }

    /// Skips one value of any kind and checks its syntax.
    package mutating func skipValue() throws(FormatError) {
        switch try peek() {
        case .object: try readObject { _, scanner throws(FormatError) in try scanner.skipValue() }
        case .array: try readArray { _, scanner throws(FormatError) in try scanner.skipValue() }
        case .string: _ = try readString()
        case .number: _ = try scanNumber()
        case .boolean: _ = try readBool()
        case .null: try readNull()
        }
    }

    /// - Throws: `bad_json` unless only whitespace is left.
    package mutating func finish() throws(FormatError) {
        skipWhitespace()
        guard position == bytes.count else { throw syntax("expected the end, found \(found)") }
    }

    /// Returns to an earlier position and depth, to read a value again.
    mutating func rewind(to start: Int, depth: Int) {
        position = start
        self.depth = depth
    }

    // MARK: Parts

    mutating func skipWhitespace() {
        while position < bytes.count, isSpace(bytes[position]) { position += 1 }
    }

    func expect(_ kind: Kind, found actual: Kind) throws(FormatError) {
        guard actual == kind else {
            throw FormatError(.dtype, "expected \(kind.phrase), found \(actual.phrase) at byte \(position)")
        }
    }

    private mutating func expect(_ kind: Kind) throws(FormatError) { try expect(kind, found: try peek()) }

    /// Consumes an opening bracket or brace.
    mutating func enter() throws(FormatError) {
        guard depth < maxDepth else { throw syntax("nested more than \(maxDepth) deep") }
        depth += 1
        position += 1
    }

    /// Consumes the closing bracket if it comes next. Returns whether it did.
    mutating func closes(_ bracket: UInt8) throws(FormatError) -> Bool {
        skipWhitespace()
        guard position < bytes.count, bytes[position] == bracket else { return false }
        position += 1
        return true
    }

    /// Consumes a comma or the closing bracket. Returns whether it was the bracket.
    mutating func separated(before bracket: UInt8) throws(FormatError) -> Bool {
        skipWhitespace()
        if position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: ",") || byte == bracket {
                position += 1
                return byte == bracket
            }
        }
        throw syntax("expected ',' or '\(Character(Unicode.Scalar(bracket)))', found \(found)")
    }

    private mutating func literal(_ text: StaticString) throws(FormatError) {
        let expected = text.description
        guard bytes[position...].starts(with: expected.utf8) else {
            throw syntax("expected '\(expected)', found \(found)")
        }
        position += expected.utf8.count
    }

    /// The character or byte at the position, for messages.
    var found: String {
        guard position < bytes.count else { return "the end" }
        let byte = bytes[position]
        return (0x21...0x7e).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(hexadecimal(byte))"
    }

    func syntax(_ detail: String, at offset: Int? = nil) -> FormatError {
        FormatError(.badJSON, "\(detail) at byte \(offset ?? position)")
    }
}

/// The names of an object's members. The first 12 are compared one by one, which is faster than hashing; further names
/// are in a set.
private struct DistinctNames {
    private static let fewest = 12
    private var few: [String] = []
    private var many: Set<String> = []

    var count: Int { few.count + many.count }

    /// Adds the name. Returns whether it was not there before.
    mutating func insert(_ name: String) -> Bool {
        guard !few.contains(name) else { return false }
        if few.count == Self.fewest { return many.insert(name).inserted }
        few.append(name)
        return true
    }
}

extension JSONScanner.Kind {
    /// The kind with its article.
    package var phrase: String {
        switch self {
        case .object, .array: "an \(rawValue)"
        case .null: rawValue
        default: "a \(rawValue)"
        }
    }
}

/// Whether the byte is one of the four that JSON allows between tokens.
func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 }
