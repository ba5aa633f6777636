extension JSONScanner {
    /// Reads a string.
    /// - Throws: `bad_json` where it is not valid UTF-8, or an escape is half of a surrogate pair.
    package mutating func readString() throws(FormatError) -> String {
        try expect(.string, found: try peek())
        let start = position + 1
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                guard let text = String(validating: bytes[start..<end], as: UTF8.self) else {
                    throw syntax("string is not valid UTF-8", at: start)
                }
                position = end + 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try readEscapedString(from: start, firstEscape: end) }
            guard byte >= 0x20 else { throw syntax("unescaped control character in a string", at: end) }
            end += 1
        }
        throw syntax("string without an end", at: start - 1)
    }

    private mutating func readEscapedString(from start: Int, firstEscape: Int) throws(FormatError) -> String {
        var text = Array(bytes[start..<firstEscape])
        position = firstEscape
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw syntax("string is not valid UTF-8", at: start)
                }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                text.append(contentsOf: try readEscape())
            case 0..<0x20:
                throw syntax("unescaped control character in a string")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw syntax("string without an end", at: start - 1)
    }

    /// Consumes one escape sequence, and returns the character.
    private mutating func readEscape() throws(FormatError) -> String.UTF8View {
        let start = position
        guard position + 1 < bytes.count else { throw syntax("string without an end") }
        let kind = bytes[position + 1]
        position += 2
        let scalar: Unicode.Scalar
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(kind)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{c}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): scalar = try readCodeUnits(from: start)
        default: throw syntax("unknown escape in a string", at: start)
        }
        return String(scalar).utf8
    }

    /// The scalar of one `\u` escape or, for a surrogate pair, of two; the first `\u` has been consumed.
    private mutating func readCodeUnits(from start: Int) throws(FormatError) -> Unicode.Scalar {
        let first = try readHex()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw syntax("half of a surrogate pair", at: start) }
        position += 2
        let second = try readHex()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw syntax("half of a surrogate pair", at: start) }
        return scalar
    }

    private mutating func readHex() throws(FormatError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = hexDigit(bytes[position]) else {
                throw syntax("expected four hexadecimal digits, found \(found)")
            }
            value = value << 4 | digit
            position += 1
        }
        return value
    }
}

private func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
}
