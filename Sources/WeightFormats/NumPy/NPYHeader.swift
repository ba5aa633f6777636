import Tensors

/// The header of a NumPy array file (NEP 1): a Python dict literal with `descr`, `fortran_order` and `shape`.
struct NPYHeader: Equatable {
    /// The element type.
    enum Element: Equatable {
        case type(ElementType, bigEndian: Bool)
        /// Python objects, which are pickled.
        case objects
        /// A type that is not a number, such as text, as the header describes it.
        case other(String)
    }

    var element: Element
    var isColumnMajor: Bool
    var shape: [Int]

    /// Reads the magic number, the version and the header, up to the data.
    static func read(_ reader: inout ByteReader) throws(FormatError) -> NPYHeader {
        guard try reader.take(6).elementsEqual([0x93] + "NUMPY".utf8) else {
            throw FormatError(.malformed, "npy: no magic number")
        }
        let major = try reader.byte()
        let minor = try reader.byte()
        guard (1...3).contains(major), minor == 0 else {
            throw FormatError(.malformed, "npy: version \(major).\(minor), expected 1.0, 2.0 or 3.0")
        }
        let length =
            major == 1 ? Int(try reader.littleEndian(UInt16.self)) : Int(try reader.littleEndian(UInt32.self))
        guard length <= 0xffff else { throw FormatError(.malformed, "npy: header of \(length) bytes") }
        var literal = PythonLiteral(try reader.take(length))
        return try literal.readHeader()
    }

    private static let types: [String: ElementType] = [
        "f2": .float16, "f4": .float32, "f8": .float64, "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32,
        "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
    ]

    /// The element type of a description such as `<f4`.
    static func element(_ description: String) -> Element {
        let order = description.utf8.first
        let isOrder = order.map { "<>=|".utf8.contains($0) } ?? false
        let code = isOrder ? String(description.dropFirst()) : description
        if code.utf8.first == UInt8(ascii: "O") { return .objects }
        guard let type = types[code] else { return .other(description) }
        return .type(type, bigEndian: order == UInt8(ascii: ">"))
    }
}

/// NumPy's texts of fixed length.
enum NumPyText {
    /// The text in one element of at most 4096 bytes; nil unless the type is one of texts, such as `<U5` or `|S5`.
    static func decode(_ bytes: ArraySlice<UInt8>, _ description: String) -> String? {
        let code = description.drop { "<>=|".contains($0) }
        guard bytes.count <= 4096 else { return nil }
        if code.first == "S" { return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        guard code.first == "U", bytes.count.isMultiple(of: 4) else { return nil }
        let isBigEndian = description.first == ">"
        var text = ""
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 4) {
            let character = bytes[start..<start + 4]
            let value = (isBigEndian ? Array(character) : character.reversed()).reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            if value == 0 { break }
            text.unicodeScalars.append(Unicode.Scalar(value) ?? "\u{fffd}")
        }
        return text
    }
}

/// Parses the forms of Python literals that headers use: dict, tuple, string, integer and bool. Nothing is evaluated.
private struct PythonLiteral {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    mutating func readHeader() throws(FormatError) -> NPYHeader {
        var element: NPYHeader.Element?
        var isColumnMajor: Bool?
        var shape: [Int]?
        try expect("{")
        while !consume("}") {
            let name = try readString()
            try expect(":")
            switch name {
            case "descr" where element == nil: element = try readElement()
            case "fortran_order" where isColumnMajor == nil: isColumnMajor = try readBool()
            case "shape" where shape == nil: shape = try readTuple()
            default: throw malformed("unexpected member \(quoted(name))")
            }
            if !consume(",") {
                try expect("}")
                break
            }
        }
        skipSpaces()
        guard position == bytes.endIndex else { throw malformed("text after the literal") }
        guard let element, let isColumnMajor, let shape else {
            throw malformed("expected 'descr', 'fortran_order' and 'shape'")
        }
        return NPYHeader(element: element, isColumnMajor: isColumnMajor, shape: shape)
    }

    private mutating func readElement() throws(FormatError) -> NPYHeader.Element {
        skipSpaces()
        guard position < bytes.endIndex, bytes[position] != UInt8(ascii: "[") else { return try readRecord() }
        return NPYHeader.element(try readString())
    }

    /// The fields of a record, up to the bracket that ends them.
    private mutating func readRecord() throws(FormatError) -> NPYHeader.Element {
        let start = position
        var depth = 0
        while position < bytes.endIndex {
            let byte = bytes[position]
            if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                _ = try readString()
                continue
            }
            position += 1
            if byte == UInt8(ascii: "[") { depth += 1 }
            if byte == UInt8(ascii: "]") { depth -= 1 }
            if depth == 0 { return .other(String(decoding: bytes[start..<position], as: UTF8.self)) }
        }
        throw malformed("expected ']'")
    }

    private mutating func readTuple() throws(FormatError) -> [Int] {
        var extents: [Int] = []
        try expect("(")
        while !consume(")") {
            extents.append(try readInteger())
            if !consume(",") {
                try expect(")")
                break
            }
        }
        return extents
    }

    private mutating func readInteger() throws(FormatError) -> Int {
        skipSpaces()
        var value: Int?
        while position < bytes.endIndex, bytes[position] &- UInt8(ascii: "0") <= 9 {
            let (product, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = product.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
            guard !overflow, !sumOverflow else { throw malformed("extent too large") }
            value = sum
            position += 1
        }
        guard let value else { throw malformed("expected a whole number") }
        _ = consume("L")  // Python 2 marked long integers
        return value
    }

    private mutating func readBool() throws(FormatError) -> Bool {
        if consume("True") { return true }
        try expect("False")
        return false
    }

    private mutating func readString() throws(FormatError) -> String {
        skipSpaces()
        guard position < bytes.endIndex, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\""),
            let end = bytes[(position + 1)...].firstIndex(of: bytes[position]),
            let text = String(validating: bytes[(position + 1)..<end], as: UTF8.self), !text.contains("\\")
        else { throw malformed("expected a string") }
        position = end + 1
        return text
    }

    private mutating func skipSpaces() {
        while position < bytes.endIndex, isSpace(bytes[position]) { position += 1 }
    }

    private mutating func consume(_ token: String) -> Bool {
        skipSpaces()
        guard bytes[position...].starts(with: token.utf8) else { return false }
        position += token.utf8.count
        return true
    }

    private mutating func expect(_ token: String) throws(FormatError) {
        guard consume(token) else { throw malformed("expected \(quoted(token))") }
    }

    private func malformed(_ detail: String) -> FormatError {
        FormatError(.malformed, "npy header: \(detail) at byte \(position - bytes.startIndex)")
    }
}
