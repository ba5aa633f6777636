/// Percent-encoding in request targets (RFC 3986 section 2.1).
enum PercentEncoding {
    /// Decodes to text. Refuses broken escapes, escaped control characters and octets that are not UTF-8, so that
    /// decoded text contains no line ends and no zero bytes.
    static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool = false) throws(HTTPParseError) -> String {
        // The usual case: nothing to decode.
        if bytes.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "%") && !(plusIsSpace && $0 == UInt8(ascii: "+")) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard bytes.endIndex - index > 2, let high = ASCII.hexValue(bytes[index + 1]),
                    let low = ASCII.hexValue(bytes[index + 2])
                else { throw .malformed("a percent sign needs two hexadecimal digits in \(ASCII.quoted(bytes))") }
                let value = high << 4 | low
                guard value >= 0x20, value != 0x7F else {
                    throw .malformed("an escaped control character in \(ASCII.quoted(bytes))")
                }
                decoded.append(value)
                index += 3
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
                index += 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw .malformed("escapes that are not UTF-8 in \(ASCII.quoted(bytes))")
        }
        return text
    }
}
