/// The parts of a field such as `form-data; name="a"; filename="b.pt"` (RFC 9110, section 5.6.6): a value, and parameters
/// after semicolons.
///
/// Fields are taken as bytes: in text, a quotation mark and a combining mark after it are one `Character`.
struct HeaderParameters {
    /// What stands before the parameters, in lower case.
    let value: String
    /// By name in lower case; of a repeated name the first. Quotation marks are removed.
    private let parameters: [String: [UInt8]]

    init(_ field: some Sequence<UInt8>) {
        let pieces = Self.split(Array(field)[...], at: UInt8(ascii: ";"))
        var parameters: [String: [UInt8]] = [:]
        for piece in pieces.dropFirst() {
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Self.text(Self.trim(piece[..<equals])).lowercased()
            if parameters[name] == nil { parameters[name] = Self.unquote(Self.trim(piece[(equals + 1)...])) }
        }
        value = Self.text(Self.trim(pieces[0])).lowercased()
        self.parameters = parameters
    }

    /// A parameter as text.
    subscript(name: String) -> String? { parameters[name].map { Self.text($0) } }

    /// A parameter that may be written as `name*=charset'language'escapes` too (RFC 8187), which has precedence.
    func extended(_ name: String) -> String? {
        guard let value = parameters[name + "*"] else { return self[name] }
        let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        // Some clients leave out charset and language.
        guard parts.count == 3 else { return Self.text(Self.unescaped(value[...])) }
        let bytes = Self.unescaped(parts[2])
        return Self.text(parts[0]).lowercased() == "iso-8859-1" ? Self.latin1(bytes) : Self.text(bytes)
    }

    /// Splits at a separator outside quotes; at least one piece.
    static func split(_ field: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = field.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in field.indices {
            let byte = field[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                pieces.append(field[start..<index])
                start = index + 1
            }
        }
        pieces.append(field[start...])
        return pieces
    }

    /// As UTF-8 or, where the bytes are not valid UTF-8, as ISO-8859-1, which has a character for every byte.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
    }

    private static func latin1(_ bytes: some Collection<UInt8>) -> String {
        var text = ""
        for byte in bytes { text.unicodeScalars.append(Unicode.Scalar(byte)) }
        return text
    }

    /// Without spaces and tabs at either end.
    static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isText: (UInt8) -> Bool = { $0 != 0x20 && $0 != 0x09 }
        guard let first = bytes.firstIndex(where: isText), let last = bytes.lastIndex(where: isText) else {
            return bytes.prefix(0)
        }
        return bytes[first...last]
    }

    private static func unquote(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        guard bytes.count >= 2, bytes.first == quote, bytes.last == quote else { return Array(bytes) }
        var result: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if byte == UInt8(ascii: "\\"), !isEscaped {
                isEscaped = true
            } else {
                result.append(byte)
                isEscaped = false
            }
        }
        return result
    }

    /// With `%` and two hexadecimal digits replaced by their byte; a broken escape stays as it is.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy({ isHexDigit($0) }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 6
    }
}
