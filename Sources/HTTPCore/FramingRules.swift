import HTTPTypes

/// What the fields of a head determine: the length of the body, the host, and whether the connection stays open.
///
/// A request that implementations are known to read differently is refused, never repaired: a proxy in front may have
/// read it the other way (request smuggling).
enum FramingRules {
    /// The body's framing (RFC 9112 section 6).
    static func body(_ fields: HTTPFields, minorVersion: Int) throws(HTTPParseError) -> BodyFraming {
        let lengths = values("content-length", in: fields)
        let codings = values("transfer-encoding", in: fields)
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                throw .framing("Content-Length and Transfer-Encoding exclude each other")
            }
            guard minorVersion >= 1 else { throw .framing("HTTP/1.0 has no Transfer-Encoding") }
            try checkChunked(codings)
            return .chunked
        }
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .framing("Content-Length is given \(lengths.count) times") }
        return .length(try contentLength(first))
    }

    /// Digits only, without leading zeros, at most 18 of them.
    private static func contentLength(_ digits: [UInt8]) throws(HTTPParseError) -> Int {
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy(ASCII.isDigit),
            digits.count == 1 || digits[0] != UInt8(ascii: "0")
        else { throw .framing("Content-Length must be a decimal number, not \(ASCII.quoted(digits))") }
        return digits.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
    }

    /// `chunked`, once, and no other coding.
    private static func checkChunked(_ values: [[UInt8]]) throws(HTTPParseError) {
        var codings: [ArraySlice<UInt8>] = []
        for value in values {
            for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                let coding = ASCII.trimmed(part)
                guard !coding.isEmpty, coding.allSatisfy(ASCII.isToken) else {
                    throw .framing("Transfer-Encoding is malformed: \(ASCII.quoted(value))")
                }
                codings.append(coding)
            }
        }
        let chunked = codings.indices.filter { ASCII.matches(codings[$0], "chunked") }
        guard chunked.isEmpty || chunked == [codings.count - 1] else {
            throw .framing("chunked must be the last transfer coding and appear once")
        }
        if let unknown = codings.first(where: { !ASCII.matches($0, "chunked") }) {
            throw .unknownTransferCoding(ASCII.quoted(unknown))
        }
    }

    /// Requires one valid `Host` in HTTP/1.1 and at most one in HTTP/1.0 (RFC 9112 section 3.2). Its host is ignored
    /// where the target is in absolute form, whose authority has precedence (section 3.2.2).
    static func checkHost(_ fields: HTTPFields, minorVersion: Int) throws(HTTPParseError) {
        let hosts = values("host", in: fields)
        guard hosts.count <= 1 else { throw .malformed("Host is given \(hosts.count) times") }
        guard let host = hosts.first else {
            guard minorVersion == 0 else { throw .malformed("HTTP/1.1 requires Host") }
            return
        }
        guard Authority(host[...], defaultPort: nil) != nil else {
            throw .malformed("Host must be a name or address, perhaps with a port, not \(ASCII.quoted(host))")
        }
    }

    /// Whether the connection may serve another request (RFC 9112 section 9.3).
    static func keepAlive(_ fields: HTTPFields, method: String, minorVersion: Int) -> Bool {
        // After CONNECT a client may send bytes of any protocol.
        guard method != "CONNECT" else { return false }
        let options = values("connection", in: fields).flatMap { value in
            value.split(separator: UInt8(ascii: ",")).map(ASCII.trimmed)
        }
        if options.contains(where: { ASCII.matches($0, "close") }) { return false }
        return minorVersion >= 1 || options.contains { ASCII.matches($0, "keep-alive") }
    }

    /// Whether the client waits for `100 Continue` (RFC 9110 section 10.1.1); HTTP/1.0 cannot.
    static func expectsContinue(
        _ fields: HTTPFields, framing: BodyFraming, minorVersion: Int
    ) throws(HTTPParseError) -> Bool {
        guard minorVersion >= 1 else { return false }
        let expectations = values("expect", in: fields)
        for expectation in expectations where !ASCII.matches(expectation, "100-continue") {
            throw .unknownExpectation(ASCII.quoted(expectation))
        }
        return !expectations.isEmpty && framing != .none && framing != .length(0)
    }

    /// Every value of a field in order; `canonicalName` is in lower case.
    private static func values(_ canonicalName: String, in fields: HTTPFields) -> [[UInt8]] {
        fields.compactMap { $0.name.canonicalName == canonicalName ? Array($0.value.utf8) : nil }
    }
}
