import Testing

@testable import WeightFormats

@Suite("Content codings")
struct ContentCodingTests {
    private let text = Array("the weights of a network, the weights of a network".utf8)

    private func decode(_ bytes: [UInt8], _ field: String) throws(FormatError) -> [UInt8] {
        try ContentCoding.decode(bytes, contentEncoding: field)
    }

    @Test(
        "Every accepted coding is undone",
        arguments: ["gzip", "x-gzip", "GZIP", " gzip , identity", "identity, gzip"])
    func gzip(field: String) throws {
        #expect(try decode(try ContentCoding.gzip.encode(text), field) == text)
    }

    @Test("deflate is zlib's format or bare")
    func deflate() throws {
        #expect(try decode(try Deflater.deflate(text, wrapping: .zlib), "deflate") == text)
        #expect(try decode(try Deflater.deflate(text, wrapping: .none), "deflate") == text)
    }

    @Test("Two codings are undone in reverse, three are refused")
    func layers() throws {
        let once = try Deflater.deflate(text, wrapping: .zlib)
        let twice = try ContentCoding.gzip.encode(once)
        #expect(try decode(twice, "deflate, gzip") == text)
        #expect(code { _ = try decode(twice, "gzip, gzip, gzip") } == .unsupportedEncoding)
    }

    @Test("Nothing to undo leaves the bytes", arguments: ["", "identity", " , "])
    func identity(field: String) throws { #expect(try decode(text, field) == text) }

    @Test("Other codings are refused with those that are accepted", arguments: ["br", "zstd", "compress", "gzip, br"])
    func unsupported(field: String) {
        let error = #expect(throws: FormatError.self) { try decode(text, field) }
        #expect(error?.code == .unsupportedEncoding)
        #expect(error?.detail.contains(ContentCoding.accepted) == true)
    }

    @Test("Several gzip members are one text, up to a limit")
    func members() throws {
        let member = try ContentCoding.gzip.encode(text)
        #expect(try decode(member + member, "gzip") == text + text)
        let many = Array(repeatElement(try ContentCoding.gzip.encode([]), count: 65).joined())
        #expect(code { _ = try decode(many, "gzip") } == .badEncoding)
    }

    @Test("Bytes after the stream are refused")
    func trailing() throws {
        #expect(code { _ = try decode(try ContentCoding.gzip.encode(text) + [0], "gzip") } == .badEncoding)
        #expect(code { _ = try decode(try Deflater.deflate(text, wrapping: .zlib) + [0], "deflate") } == .badEncoding)
        #expect(code { _ = try decode(try Deflater.deflate(text, wrapping: .none) + [0], "deflate") } == .badEncoding)
    }

    @Test("A stream cut anywhere is refused")
    func truncated() throws {
        let zipped = try ContentCoding.gzip.encode(text)
        let wrapped = try Deflater.deflate(text, wrapping: .zlib)
        for length in 0..<zipped.count {
            #expect(code { _ = try decode(Array(zipped.prefix(length)), "gzip") } == .badEncoding)
        }
        for length in 0..<wrapped.count {
            #expect(code { _ = try decode(Array(wrapped.prefix(length)), "deflate") } == .badEncoding)
        }
    }

    @Test("A changed checksum or length is refused")
    func damaged() throws {
        var zipped = try ContentCoding.gzip.encode(text)
        zipped[zipped.count - 1] ^= 1
        #expect(code { _ = try decode(zipped, "gzip") } == .badEncoding)
        zipped = try ContentCoding.gzip.encode(text)
        zipped[zipped.count - 8] ^= 1
        #expect(code { _ = try decode(zipped, "gzip") } == .badEncoding)
    }

    @Test("A bomb is stopped by ratio and by size")
    func bombs() throws {
        let bomb = try ContentCoding.gzip.encode([UInt8](repeating: 0, count: 4 << 20))
        #expect(bomb.count < 8192)
        #expect(code { _ = try decode(bomb, "gzip") } == .inflatedTooLarge)
        var limits = FormatLimits()
        limits.maxInflationRatio = 2000
        #expect(try ContentCoding.gzip.decode(bomb, limits: limits).count == 4 << 20)
        limits.maxInflatedBytes = (4 << 20) - 1
        #expect(code { _ = try ContentCoding.gzip.decode(bomb, limits: limits) } == .inflatedTooLarge)
        let twice = try ContentCoding.gzip.encode(bomb)
        #expect(code { _ = try decode(twice, "gzip, gzip") } == .inflatedTooLarge)
        let members = Array(
            repeatElement(try ContentCoding.gzip.encode([UInt8](repeating: 0, count: 60_000)), count: 20).joined())
        #expect(code { _ = try decode(members, "gzip") } == .inflatedTooLarge)
    }

    @Test("Exactly the limit is allowed")
    func exactLimit() throws {
        var limits = FormatLimits()
        limits.maxInflatedBytes = text.count
        #expect(try ContentCoding.gzip.decode(try ContentCoding.gzip.encode(text), limits: limits) == text)
        limits.maxInflatedBytes = text.count - 1
        #expect(
            code { _ = try ContentCoding.gzip.decode(try ContentCoding.gzip.encode(text), limits: limits) }
                == .inflatedTooLarge)
    }

    @Test(
        "the coding is the one that a client likes best",
        arguments: [
            ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate", .gzip), ("gzip;q=0.5, deflate", .deflate),
            ("*", .gzip), ("br, *;q=0.1", .gzip), ("gzip;q=0", nil), ("identity", nil), ("", nil),
            ("identity;q=1, gzip;q=0.5", nil), ("identity;q=0.5, gzip", .gzip), ("identity, gzip", .gzip),
        ] as [(String, ContentCoding?)])
    func preferred(_ field: String, _ coding: ContentCoding?) {
        #expect(ContentCoding.preferred(acceptEncoding: field) == coding)
    }
}
