/// Throws unless every member of the object is one of `known`.
///
/// A misspelt name would otherwise leave a default in force: the model would load and answer wrongly. The error names the
/// nearest known member.
package func refuseUnknownMembers(of decoder: any Decoder, known: [String]) throws {
    let all = try decoder.container(keyedBy: AnyMember.self).allKeys
    for member in all.sorted(by: { $0.stringValue < $1.stringValue }) where !known.contains(member.stringValue) {
        let hint =
            nearestName(to: member.stringValue, among: known).map { "did you mean '\($0)'?" }
            ?? "expected one of \(known.sorted().joined(separator: ", "))"
        throw DecodingError.dataCorrupted(
            DecodingError.Context(codingPath: decoder.codingPath + [member], debugDescription: "unknown; \(hint)"))
    }
}

extension KeyedDecodingContainer {
    /// The same for the object under `key`, where there is one.
    package func refuseUnknownMembers(in key: Key, known: [String]) throws {
        guard contains(key), try !decodeNil(forKey: key) else { return }
        try NeuralFunctionals.refuseUnknownMembers(of: superDecoder(forKey: key), known: known)
    }
}

/// The name that a misspelt one most likely stands for: the one with the fewest insertions, deletions and substitutions
/// (Levenshtein distance), at most a third of the name's length; nil where none is that near.
package func nearestName(to name: String, among known: [String]) -> String? {
    let distances = known.sorted().map { ($0, editDistance(name, $0)) }
    guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= max(1, name.count / 3) else { return nil }
    return best.0
}

private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(128)), Array(b.utf8))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let substituted = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}

private struct AnyMember: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
}
