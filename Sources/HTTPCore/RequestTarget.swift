/// One `name=value` of a query string, decoded.
package struct QueryItem: Sendable, Equatable {
    package let name: String
    /// Nil when the item has no equals sign.
    package let value: String?
}

/// The target of a request (RFC 9112 section 3.2), decoded and checked.
///
/// Segments are decoded after the path is split, so an escaped slash stays inside its segment. Dot segments have no
/// special meaning: a target is matched against routes and never used as a file path.
package struct RequestTarget: Sendable, Equatable {
    /// The forms of RFC 9112 section 3.2.
    package enum Form: Sendable { case origin, absolute, authority, asterisk }

    /// As received; printable ASCII.
    package let raw: String
    package let form: Form
    /// The path as received, without the query; `*` or empty where the form has no path.
    package let path: String
    /// The decoded parts of the path after each slash; `/a/` has two, the second empty.
    package let segments: [String]
    /// In order, repetitions kept.
    package let query: [QueryItem]
    /// `host:port` of an absolute or authority form.
    package let authority: String?

    /// The first value of `name`; empty if it has no equals sign.
    package func firstValue(_ name: String) -> String? {
        query.first { $0.name == name }.map { $0.value ?? "" }
    }
}

extension RequestTarget {
    /// Parses a target in the form that `method` allows.
    package init(_ text: String, method: String = "GET") throws(HTTPParseError) {
        try self.init(bytes: Array(text.utf8)[...], method: method)
    }

    init(bytes: ArraySlice<UInt8>, method: String) throws(HTTPParseError) {
        guard !bytes.isEmpty else { throw .malformed("the request target is empty") }
        guard bytes.allSatisfy(ASCII.isTarget) else {
            throw .malformed("the request target has a character that must be percent-encoded: \(ASCII.quoted(bytes))")
        }
        let raw = String(decoding: bytes, as: UTF8.self)
        if method == "CONNECT" {
            guard Authority(bytes, defaultPort: nil)?.port != nil else {
                throw .malformed("CONNECT needs host:port, not \(ASCII.quoted(bytes))")
            }
            self.init(raw: raw, form: .authority, path: "", segments: [], query: [], authority: raw)
        } else if bytes.first == UInt8(ascii: "/") {
            try self.init(raw: raw, form: .origin, pathAndQuery: bytes, authority: nil)
        } else if raw == "*" {
            guard method == "OPTIONS" else { throw .malformed("the target * is for OPTIONS only") }
            self.init(raw: raw, form: .asterisk, path: "*", segments: [], query: [], authority: nil)
        } else {
            try self.init(absolute: bytes, raw: raw, method: method)
        }
    }

    private init(absolute bytes: ArraySlice<UInt8>, raw: String, method: String) throws(HTTPParseError) {
        let schemes: [(prefix: String, defaultPort: Int)] = [("http://", 80), ("https://", 443)]
        guard let scheme = schemes.first(where: { ASCII.matches(bytes.prefix($0.prefix.utf8.count), $0.prefix) }) else {
            throw .malformed("the request target must start with a slash: \(ASCII.quoted(bytes))")
        }
        let rest = bytes.dropFirst(scheme.prefix.utf8.count)
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard Authority(rest[..<end], defaultPort: scheme.defaultPort) != nil else {
            throw .malformed("the request target names no valid host: \(ASCII.quoted(bytes))")
        }
        let authority = String(decoding: rest[..<end], as: UTF8.self)
        if end == rest.endIndex, method == "OPTIONS" {
            self.init(raw: raw, form: .absolute, path: "*", segments: [], query: [], authority: authority)
            return
        }
        let pathAndQuery = rest[end...]
        let rooted = pathAndQuery.first == UInt8(ascii: "/") ? pathAndQuery : [UInt8(ascii: "/")] + pathAndQuery
        try self.init(raw: raw, form: .absolute, pathAndQuery: rooted, authority: authority)
    }

    private init(
        raw: String, form: Form, pathAndQuery: ArraySlice<UInt8>, authority: String?
    ) throws(HTTPParseError) {
        let mark = pathAndQuery.firstIndex(of: UInt8(ascii: "?"))
        let path = pathAndQuery[..<(mark ?? pathAndQuery.endIndex)]
        var segments: [String] = []
        var rest = path.dropFirst()
        while let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
            segments.append(try PercentEncoding.decode(rest[..<slash]))
            rest = rest[(slash + 1)...]
        }
        segments.append(try PercentEncoding.decode(rest))
        var query: [QueryItem] = []
        if let mark {
            for item in pathAndQuery[(mark + 1)...].split(separator: UInt8(ascii: "&")) {
                query.append(try QueryItem(item))
            }
        }
        self.init(
            raw: raw, form: form, path: path.count == raw.utf8.count ? raw : String(decoding: path, as: UTF8.self),
            segments: segments, query: query, authority: authority)
    }
}

extension QueryItem {
    fileprivate init(_ bytes: ArraySlice<UInt8>) throws(HTTPParseError) {
        let equals = bytes.firstIndex(of: UInt8(ascii: "="))
        name = try PercentEncoding.decode(bytes[..<(equals ?? bytes.endIndex)], plusIsSpace: true)
        if let equals {
            value = try PercentEncoding.decode(bytes[(equals + 1)...], plusIsSpace: true)
        } else {
            value = nil
        }
    }
}
