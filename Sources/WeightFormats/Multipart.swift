/// A file or field of a form.
package struct FormPart: Sendable, Equatable {
    package var name: String
    package var filename: String?
    package var contentType: String?
    package var bytes: [UInt8]
}

/// Parses `multipart/form-data` bodies (RFC 7578, with the framing of RFC 2046, section 5.1).
package struct Multipart {
    private let body: [UInt8]
    /// What precedes every boundary but the first: a line end, two hyphens and the boundary.
    private let delimiter: [UInt8]
    private let limits: FormatLimits

    /// The boundary that a `Content-Type` field names; nil if the field is of another type.
    package static func boundary(ofContentType field: String) throws(FormatError) -> String? {
        let (type, parameters) = HeaderParameters.parse(field)
        guard type == "multipart/form-data" else { return nil }
        guard let boundary = parameters["boundary"] else {
            throw FormatError(.badRequest, "multipart/form-data without a boundary")
        }
        return boundary
    }

    /// - Parameter boundary: 1 to 70 printable characters.
    package static func parse(
        _ body: [UInt8], boundary: String, limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> [FormPart] {
        guard (1...70).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ (0x20...0x7e).contains($0) }),
            !boundary.hasSuffix(" ")
        else { throw FormatError(.badRequest, "multipart boundary must be 1 to 70 printable characters") }
        return try Multipart(body: body, delimiter: Array("\r\n--\(boundary)".utf8), limits: limits).parse()
    }

    private func parse() throws(FormatError) -> [FormPart] {
        var position = try skipPreamble()
        var parts: [FormPart] = []
        while try !isClosed(&position) {
            guard parts.count < limits.maxParts else {
                throw FormatError(.badRequest, "more than \(limits.maxParts) parts in the form")
            }
            var part = try readHeaders(&position, index: parts.count)
            // The line end after the headers may be the one before the boundary: the part is empty then.
            guard let end = find(delimiter, from: position) else {
                throw FormatError(.badRequest, "multipart: part \(parts.count) does not end; the body is cut short")
            }
            part.bytes = Array(body[position..<end])
            position = end + delimiter.count
            parts.append(part)
        }
        return parts
    }

    /// The first boundary needs no line end before it.
    private func skipPreamble() throws(FormatError) -> Int {
        let first = delimiter.dropFirst(2)
        if body.starts(with: first) { return first.count }
        guard let start = find(delimiter, from: 0) else {
            throw FormatError(.badRequest, "multipart: the body does not hold the boundary")
        }
        return start + delimiter.count
    }

    /// Consumes the rest of a boundary line. Returns whether it is the last one; what follows that is ignored.
    private func isClosed(_ position: inout Int) throws(FormatError) -> Bool {
        if body[position...].starts(with: "--".utf8) { return true }
        while position < body.count, body[position] == 0x20 || body[position] == 0x09 { position += 1 }
        guard body[position...].starts(with: "\r\n".utf8) else {
            throw FormatError(.badRequest, "multipart: no line end after the boundary at byte \(position)")
        }
        position += 2
        return false
    }

    private func readHeaders(_ position: inout Int, index: Int) throws(FormatError) -> FormPart {
        let subject = "multipart: part \(index)"
        var part = FormPart(name: "", bytes: [])
        var isNamed = false
        let limit = position + limits.maxPartHeaderBytes
        while true {
            guard let end = find([0x0d, 0x0a], from: position, limit: limit) else {
                throw FormatError(
                    .badRequest, "\(subject): headers do not end within \(limits.maxPartHeaderBytes) bytes")
            }
            let line = body[position..<end]
            if line.isEmpty {
                // The line end stays if it belongs to the next boundary.
                position = body[end...].starts(with: delimiter) ? end : end + 2
                break
            }
            position = end + 2
            guard let text = String(validating: line, as: UTF8.self), let colon = text.firstIndex(of: ":") else {
                throw FormatError(.badRequest, "\(subject): malformed header")
            }
            let value = String(text[text.index(after: colon)...])
            switch text[..<colon].lowercased() {
            case "content-disposition":
                let (type, parameters) = HeaderParameters.parse(value)
                guard type == "form-data", let name = parameters["name"] else {
                    throw FormatError(.badRequest, "\(subject): expected Content-Disposition: form-data; name=\"…\"")
                }
                (part.name, part.filename, isNamed) = (name, parameters["filename"], true)
            case "content-type":
                let (type, _) = HeaderParameters.parse(value)
                guard !type.hasPrefix("multipart/") else { throw FormatError(.badRequest, "\(subject): nested form") }
                part.contentType = type
            case "content-transfer-encoding":
                guard ["binary", "8bit", "7bit"].contains(HeaderParameters.parse(value).value) else {
                    throw FormatError(.unsupportedEncoding, "\(subject): transfer encoding, expected binary")
                }
            default: break
            }
        }
        guard isNamed else { throw FormatError(.badRequest, "\(subject): no Content-Disposition") }
        return part
    }

    private func find(_ pattern: [UInt8], from start: Int, limit: Int = .max) -> Int? {
        guard let first = pattern.first else { return nil }
        var position = start
        let end = min(limit, body.count)
        while position < end, let found = body[position..<end].firstIndex(of: first) {
            if body[found...].starts(with: pattern) { return found }
            position = found + 1
        }
        return nil
    }
}
