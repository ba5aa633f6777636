/// SHA-256 (FIPS 180-4) in hexadecimal digits: tells files and keys apart.
package struct ContentDigest {
    private var hash = SHA256()

    package init() {}

    /// The digest of `bytes` as 64 hexadecimal digits.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        var digest = ContentDigest()
        digest.update(bytes)
        return digest.finish()
    }

    package mutating func update(_ bytes: [UInt8]) { hash.update(bytes) }

    /// The digest of everything so far.
    package func finish() -> String { hash.finish().map { WeightFormats.hexadecimal($0) }.joined() }
}
