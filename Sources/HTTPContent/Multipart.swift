/// How much a form may hold.
package struct FormLimits: Sendable, Equatable {
    package var maxParts = 64
    /// Of the header lines of one part.
    package var maxPartHeaderBytes = 8 << 10

    package init() {}
}

/// A part of a form: a file, or a field where it has no file name.
package struct FormPart: Sendable, Equatable {
    /// From `Content-Disposition`.
    package var name: String
    /// From `Content-Disposition`: `filename*` (RFC 8187), else `filename`. Names that are not UTF-8 are read as ISO-8859-1.
    /// Nil for a field; empty for a file field of a page that was left unfilled.
    package var filename: String?
    /// In lower case, without parameters; nil where the part has none.
    package var contentType: String?
    /// The content, not decoded.
    package var bytes: [UInt8]

    /// Whether it is a file field that was left unfilled.
    package var isUnfilled: Bool { bytes.isEmpty && filename?.isEmpty != false }

    package init(name: String, filename: String? = nil, contentType: String? = nil, bytes: [UInt8]) {
        self.name = name
        self.filename = filename
        self.contentType = contentType
        self.bytes = bytes
    }
}

/// Parses `multipart/form-data` bodies (RFC 7578, with the framing of RFC 2046, section 5.1).
package struct Multipart {
    private let body: [UInt8]
    /// CR LF, two hyphens and the boundary: what ends a part.
    private let delimiter: [UInt8]
    private let limits: FormLimits

    /// The boundary in a `Content-Type` field; nil unless the type is `multipart/form-data`.
    package static func boundary(ofContentType field: String) throws(ContentError) -> String? {
        let field = HeaderParameters(field.utf8)
        guard field.value == "multipart/form-data" else { return nil }
        guard let boundary = field["boundary"] else {
            throw ContentError.malformedForm("multipart/form-data without a boundary")
        }
        return boundary
    }

    /// The parts of a body, in order.
    /// - Parameter boundary: 1 to 70 printable characters.
    package static func parse(
        _ body: [UInt8], boundary: String, limits: FormLimits = FormLimits()
    ) throws(ContentError) -> [FormPart] {
        guard (1...70).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ (0x20...0x7e).contains($0) }),
            !boundary.hasSuffix(" ")
        else { throw ContentError.malformedForm("multipart boundary must be 1 to 70 printable characters") }
        return try Multipart(body: body, delimiter: Array("\r\n--\(boundary)".utf8), limits: limits).parse()
    }

    private func parse() throws(ContentError) -> [FormPart] {
        var position = try skipPreamble()
        var parts: [FormPart] = []
        while try !isClosed(&position) {
            guard parts.count < limits.maxParts else {
                throw ContentError.malformedForm(
                    "more than \(limits.maxParts) parts in the form; send the others in another request")
            }
            var part = try readHeaders(&position, index: parts.count)
            // Where the line end after the headers is also the one before the boundary, the part is empty.
            guard let end = find(delimiter, from: position) else {
                throw ContentError.malformedForm("multipart: part \(parts.count) does not end; the body is cut short")
            }
            part.bytes = Array(body[position..<end])
            position = end + delimiter.count
            parts.append(part)
        }
        return parts
    }

    /// The position after the first boundary, which may stand at the start of the body without a line end before it.
    private func skipPreamble() throws(ContentError) -> Int {
        let first = delimiter.dropFirst(2)
        if body.starts(with: first) { return first.count }
        guard let start = find(delimiter, from: 0) else {
            throw ContentError.malformedForm("multipart: the body does not hold the boundary")
        }
        return start + delimiter.count
    }

    /// Consumes the rest of a boundary line.
    /// - Returns: whether it is the closing one, after which everything is ignored.
    private func isClosed(_ position: inout Int) throws(ContentError) -> Bool {
        if body[position...].starts(with: "--".utf8) { return true }
        while position < body.count, body[position] == 0x20 || body[position] == 0x09 { position += 1 }
        guard body[position...].starts(with: "\r\n".utf8) else {
            throw ContentError.malformedForm("multipart: no line end after the boundary at byte \(position)")
        }
        position += 2
        return false
    }

    private func readHeaders(_ position: inout Int, index: Int) throws(ContentError) -> FormPart {
        let subject = "multipart: part \(index)"
        var part = FormPart(name: "", bytes: [])
        var isNamed = false
        let limit = position + limits.maxPartHeaderBytes
        while true {
            guard let end = find([0x0d, 0x0a], from: position, limit: limit) else {
                throw ContentError.malformedForm(
                    "\(subject): headers do not end within \(limits.maxPartHeaderBytes) bytes")
            }
            let line = body[position..<end]
            if line.isEmpty {
                // Not consumed where it is part of the next boundary.
                position = body[end...].starts(with: delimiter) ? end : end + 2
                break
            }
            position = end + 2
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw ContentError.malformedForm(
                    "\(subject): a header without a colon, '\(HeaderParameters.text(line.prefix(40)))'")
            }
            let field = HeaderParameters(line[(colon + 1)...])
            switch HeaderParameters.text(line[..<colon]).lowercased() {
            case "content-disposition":
                guard field.value == "form-data", let name = field.extended("name") else {
                    throw ContentError.malformedForm("\(subject): expected Content-Disposition: form-data; name=\"…\"")
                }
                (part.name, part.filename, isNamed) = (name, field.extended("filename"), true)
            case "content-type":
                guard !field.value.hasPrefix("multipart/") else {
                    throw ContentError.malformedForm("\(subject): nested form")
                }
                part.contentType = field.value
            case "content-transfer-encoding":
                guard ["binary", "8bit", "7bit"].contains(field.value) else {
                    throw ContentError.unsupportedEncoding("\(subject): transfer encoding, expected binary")
                }
            default: break
            }
        }
        guard isNamed else { throw ContentError.malformedForm("\(subject): no Content-Disposition") }
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
