import Testing
import WeightFormats

/// SHA-256 against the vectors that NIST publishes with the standard.
@Suite struct DigestTests {
    private static let vectors = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ]

    @Test("published messages have their published digests", arguments: vectors)
    func publishedVectors(message: String, digest: String) {
        #expect(ContentDigest.hexadecimal(Array(message.utf8)) == digest)
    }

    @Test("a million letters in uneven parts have their published digest")
    func millionLetters() {
        var digest = ContentDigest()
        var left = 1_000_000
        for size in [1, 63, 64, 65, 0, 1000, 999_999] {
            let part = min(size, left)
            digest.update([UInt8](repeating: 0x61, count: part))
            left -= part
        }
        #expect(left == 0)
        #expect(digest.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("how a message is split does not matter", arguments: [0, 1, 55, 56, 63, 64, 65, 119, 128, 200])
    func splits(first: Int) {
        let message = (0..<200).map { UInt8($0) }
        var digest = ContentDigest()
        digest.update(Array(message[..<first]))
        digest.update(Array(message[first...]))
        #expect(digest.finish() == ContentDigest.hexadecimal(message))
    }
}
