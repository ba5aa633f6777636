/// Searches for texts of ASCII in names, byte by byte. `contains` of the standard library compares characters, which takes
/// several times as long, and a file of a thousand networks has many thousand names.
extension String {
    /// Whether a text of ASCII, not empty, occurs in it.
    func holds(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return true }
        var rest = utf8[...]
        while let start = rest.firstIndex(of: first) {
            if rest[start...].starts(with: text.utf8) { return true }
            rest = rest[rest.index(after: start)...]
        }
        return false
    }

    /// The range of the last occurrence of a text of ASCII.
    func range(ofLast text: String) -> Range<String.Index>? {
        let bytes = Array(utf8)
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in stride(from: bytes.count - wanted.count, through: 0, by: -1)
        where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            let lower = utf8.index(utf8.startIndex, offsetBy: start)
            return lower..<utf8.index(lower, offsetBy: wanted.count)
        }
        return nil
    }
}
