/// The SHA-256 digest (FIPS 180-4) of bytes in hexadecimal digits.
package struct ContentDigest {
    private var hash = SHA256()

    package init() {}

    /// The digest of `bytes` as 64 hexadecimal digits.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        var digest = ContentDigest()
        digest.update(bytes)
        return digest.finish()
    }

    /// The digest of `bytes` as 32 bytes.
    package static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// Appends bytes to what is digested.
    package mutating func update(_ bytes: [UInt8]) { hash.update(bytes) }

    /// The digest of the bytes so far, as 64 hexadecimal digits.
    package func finish() -> String { hash.finish().map { WeightFormats.hexadecimal($0) }.joined() }
}
