/// Method, target and version (RFC 9112 section 3), separated by exactly one space each.
struct RequestLine: Sendable {
    let method: String
    let target: RequestTarget
    let minorVersion: Int

    init(_ line: ArraySlice<UInt8>, maxMethodBytes: Int) throws(HTTPParseError) {
        guard let first = line.firstIndex(of: ASCII.space), let last = line.lastIndex(of: ASCII.space), first < last,
            !line[(first + 1)..<last].contains(ASCII.space), line.startIndex < first,
            line[..<first].allSatisfy(ASCII.isToken)
        else {
            throw .malformed("a request line is 'method target version' with single spaces: \(ASCII.quoted(line))")
        }
        minorVersion = try Self.minorVersion(line[(last + 1)...])
        guard first - line.startIndex <= maxMethodBytes else { throw .unknownMethod(ASCII.quoted(line[..<first])) }
        method = String(decoding: line[..<first], as: UTF8.self)
        target = try RequestTarget(bytes: line[(first + 1)..<last], method: method)
    }

    /// `HTTP/1.x`; a higher minor version is answered as 1.1 (RFC 9110 section 2.5).
    private static func minorVersion(_ bytes: ArraySlice<UInt8>) throws(HTTPParseError) -> Int {
        let start = bytes.startIndex
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), ASCII.isDigit(bytes[start + 5]),
            bytes[start + 6] == UInt8(ascii: "."), ASCII.isDigit(bytes[start + 7])
        else { throw .malformed("the version must read HTTP/1.1, not \(ASCII.quoted(bytes))") }
        guard bytes[start + 5] == UInt8(ascii: "1") else { throw .unsupportedVersion(ASCII.quoted(bytes)) }
        return bytes[start + 7] == UInt8(ascii: "0") ? 0 : 1
    }
}
