import WeightFormats

/// The known API keys. They are stored as SHA-256 digests, from which a key cannot be derived.
package struct APIKeys: Sendable {
    /// The holder of a key.
    package struct Owner: Sendable, Hashable {
        package let name: String
        /// Whether it may reload models.
        package let isAdministrator: Bool
    }

    /// Why a file of keys cannot be read.
    package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
        /// Counted from 1.
        package let line: Int
        package let reason: String

        package var description: String { "line \(line): \(reason)" }
    }

    /// Digests in lower-case hexadecimal digits.
    private let entries: [(digest: String, owner: Owner)]

    /// Reads lines of `NAME sha256:DIGEST [admin]`; empty lines and those that begin with `#` are skipped.
    package init(_ text: String) throws(FileError) {
        var entries: [(digest: String, owner: Owner)] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let name = words.first, !name.hasPrefix("#") else { continue }
            func fault(_ reason: String) -> FileError { FileError(line: index + 1, reason: reason) }
            guard words.count == 2 || (words.count == 3 && words[2] == "admin") else {
                throw fault("expected 'NAME sha256:DIGEST', and after it 'admin' or nothing")
            }
            let digest = words[1].dropFirst(7)
            guard words[1].hasPrefix("sha256:"), digest.utf8.count == 64, digest.count == 64,
                digest.allSatisfy(\.isHexDigit)
            else {
                throw fault("expected 'sha256:' and 64 hexadecimal digits")
            }
            guard !entries.contains(where: { $0.owner.name == name }) else {
                throw fault("'\(printable(String(name)))' has a key already")
            }
            entries.append((digest.lowercased(), Owner(name: String(name), isAdministrator: words.count == 3)))
        }
        guard !entries.isEmpty else { throw FileError(line: 1, reason: "the file holds no key") }
        self.entries = entries
    }

    /// The number of keys.
    package var count: Int { entries.count }

    /// The holder of a key, nil if it is unknown. Takes the same time for every key (each entry is compared in full),
    /// so that timing reveals nothing.
    func owner(of key: String) -> Owner? {
        let digest = ContentDigest.hexadecimal(Array(key.utf8))
        var owner: Owner?
        for entry in entries {
            let difference = zip(entry.digest.utf8, digest.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) }
            if difference == 0 { owner = entry.owner }
        }
        return owner
    }
}
