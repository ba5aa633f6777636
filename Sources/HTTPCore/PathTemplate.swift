/// A path with parameters: `/v2/models/{model}/infer`. A parameter matches exactly one non-empty segment.
package struct PathTemplate: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    /// As written.
    package let text: String
    let parts: [Part]

    /// Nil when the text does not start with a slash, a brace is out of place, or a name is repeated.
    package init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        var parts: [Part] = []
        var names: Set<String> = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            if part.hasPrefix("{"), part.hasSuffix("}"), part.count > 2 {
                let name = String(part.dropFirst().dropLast())
                guard !name.contains(where: { "{}".contains($0) }), names.insert(name).inserted else { return nil }
                parts.append(.parameter(name))
            } else {
                guard !part.contains(where: { "{}".contains($0) }) else { return nil }
                parts.append(.literal(String(part)))
            }
        }
        self.text = text
        self.parts = parts
    }
}
