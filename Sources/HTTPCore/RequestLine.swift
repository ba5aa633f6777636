/// Method, target and version (RFC 9112 section 3), separated by exactly one space each.
struct RequestLine: Sendable {
    let method: String
    let target: RequestTarget
    let minorVersion: Int

    init(_ line: ArraySlice<UInt8>, maxMethodBytes: Int) throws(HTTPParseError) {
        let parts = line.split(separator: ASCII.space, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(ASCII.isToken) else {
            throw .malformed("a request line is 'method target version' with single spaces: \(ASCII.quoted(line))")
        }
        minorVersion = try Self.minorVersion(parts[2])
        guard parts[0].count <= maxMethodBytes else { throw .unknownMethod(ASCII.quoted(parts[0])) }
        method = String(decoding: parts[0], as: UTF8.self)
        target = try RequestTarget(bytes: parts[1], method: method)
    }

    /// `HTTP/1.x`; a higher minor version is answered as 1.1 (RFC 9110 section 2.5).
    private static func minorVersion(_ bytes: ArraySlice<UInt8>) throws(HTTPParseError) -> Int {
        let version = Array(bytes)
        guard version.count == 8, version.starts(with: "HTTP/".utf8), ASCII.isDigit(version[5]),
            version[6] == UInt8(ascii: "."), ASCII.isDigit(version[7])
        else { throw .malformed("the version must read HTTP/1.1, not \(ASCII.quoted(version))") }
        guard version[5] == UInt8(ascii: "1") else { throw .unsupportedVersion(ASCII.quoted(version)) }
        return version[7] == UInt8(ascii: "0") ? 0 : 1
    }
}
