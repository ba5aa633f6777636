import HTTPTypes

/// `name: value` (RFC 9112 section 5).
enum FieldLine {
    /// Refuses folded lines, spaces around the name and control characters in the value.
    static func parse(_ line: ArraySlice<UInt8>) throws(HTTPParseError) -> HTTPField {
        if let first = line.first, ASCII.isWhitespace(first) {
            throw .malformed("a field line starts with white space: \(ASCII.quoted(line))")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw .malformed("a field line without a colon: \(ASCII.quoted(line))")
        }
        let nameBytes = line[..<colon]
        guard let name = HTTPField.Name(String(decoding: nameBytes, as: UTF8.self)) else {
            throw .malformed("not a field name: \(ASCII.quoted(nameBytes))")
        }
        let rest = line[(colon + 1)...]
        // A tab is legal white space, but some parsers do not recognise `chunked` beside one.
        guard name.canonicalName != "transfer-encoding" || !rest.contains(ASCII.tab) else {
            throw .framing("a tab in Transfer-Encoding")
        }
        let value = ASCII.trimmed(rest)
        guard value.allSatisfy(ASCII.isFieldValue) else {
            throw .malformed("a control character in the value of \(ASCII.quoted(nameBytes))")
        }
        return HTTPField(name: name, value: value)
    }
}
