/// A path with parameters: `/v2/models/{model}/infer`. A parameter matches exactly one segment, or with text after it, as
/// in `/v1/models/{model}:predict`, what is before that text in a segment; never nothing.
package struct PathTemplate: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case literal(String)
        /// `suffix` is the text after the parameter in its segment; usually empty.
        case parameter(String, suffix: String)
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
            if part.hasPrefix("{"), let end = part.firstIndex(of: "}") {
                let name = String(part[..<end].dropFirst())
                let suffix = String(part[part.index(after: end)...])
                guard !name.isEmpty, !(name + suffix).contains(where: { "{}".contains($0) }),
                    names.insert(name).inserted
                else { return nil }
                parts.append(.parameter(name, suffix: suffix))
            } else {
                guard !part.contains(where: { "{}".contains($0) }) else { return nil }
                parts.append(.literal(String(part)))
            }
        }
        self.text = text
        self.parts = parts
    }
}
