/// Splits a field such as `form-data; name="a"; filename="b.pt"` (RFC 9110, section 5.6.6).
enum HeaderParameters {
    /// - Returns: the value before the parameters and the parameters' names in lower case.
    static func parse(_ field: String) -> (value: String, parameters: [String: String]) {
        let pieces = split(field)
        var parameters: [String: String] = [:]
        for piece in pieces.dropFirst() {
            guard let equals = piece.firstIndex(of: "=") else { continue }
            let name = trim(piece[..<equals]).lowercased()
            if parameters[name] == nil { parameters[name] = unquote(trim(piece[piece.index(after: equals)...])) }
        }
        return (trim(pieces.first ?? "").lowercased(), parameters)
    }

    /// Splits at semicolons outside quotes.
    private static func split(_ field: String) -> [Substring] {
        var pieces: [Substring] = []
        var start = field.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in field.indices {
            let character = field[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == ";", !isQuoted {
                pieces.append(field[start..<index])
                start = field.index(after: index)
            }
        }
        pieces.append(field[start...])
        return pieces
    }

    private static func trim(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[first...last])
    }

    private static func unquote(_ text: String) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}
