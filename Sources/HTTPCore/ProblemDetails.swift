import HTTPTypes

extension HTTPError {
    /// The error as a problem document (RFC 9457), with the members that clients of other inference servers look for:
    /// `error` is one line for people.
    package func problem(requestID: String) -> [UInt8] {
        var members: [(String, String)] = [
            ("type", JSONText.quoted("/problems/" + code.replacing("_", with: "-"))),
            ("title", JSONText.quoted(title)),
            ("status", String(status.code)),
            ("detail", JSONText.quoted(detail)),
            ("code", JSONText.quoted(code)),
            ("request_id", JSONText.quoted(requestID)),
        ]
        if let retryAfter { members.append(("retry_after", String(retryAfter))) }
        members.append(("error", JSONText.quoted("\(title): \(detail)")))
        let body = members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
        return Array("{\(body)}\n".utf8)
    }

    /// The response with the problem document.
    /// - Parameter contentType: some clients read errors only as `application/json`.
    package func response(requestID: String, contentType: String = "application/problem+json") -> Response {
        var fields = self.fields
        fields[.contentType] = contentType
        fields[.cacheControl] = "no-store"
        if let retryAfter { fields[.retryAfter] = String(retryAfter) }
        var response = Response(status, fields: fields, body: problem(requestID: requestID))
        response.reason = code
        return response
    }
}

/// Text as JSON (RFC 8259 section 7).
enum JSONText {
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
