import Testing

@testable import WeightFormats

@Suite("Compressed streams")
struct CompressedStreamTests {
    private let text = Array("the weights of a network, the weights of a network".utf8)

    @Test("What is encoded is decoded", arguments: CompressedStream.allCases)
    func roundTrip(_ stream: CompressedStream) throws {
        #expect(try stream.decode(try stream.encode(text)) == text)
    }

    @Test("deflate is zlib's format or bare")
    func deflate() throws {
        #expect(try CompressedStream.deflate.decode(try Deflater.deflate(text, wrapping: .zlib)) == text)
        #expect(try CompressedStream.deflate.decode(try Deflater.deflate(text, wrapping: .none)) == text)
    }

    @Test("Several gzip members are concatenated, up to a limit")
    func members() throws {
        let member = try CompressedStream.gzip.encode(text)
        #expect(try CompressedStream.gzip.decode(member + member) == text + text)
        let many = Array(repeatElement(try CompressedStream.gzip.encode([]), count: 65).joined())
        #expect(code { _ = try CompressedStream.gzip.decode(many) } == .badEncoding)
    }

    @Test("Bytes after the stream are refused")
    func trailing() throws {
        #expect(
            code { _ = try CompressedStream.gzip.decode(try CompressedStream.gzip.encode(text) + [0]) } == .badEncoding)
        #expect(
            code { _ = try CompressedStream.deflate.decode(try Deflater.deflate(text, wrapping: .zlib) + [0]) }
                == .badEncoding)
        #expect(
            code { _ = try CompressedStream.deflate.decode(try Deflater.deflate(text, wrapping: .none) + [0]) }
                == .badEncoding)
    }

    @Test("A stream cut anywhere is refused")
    func truncated() throws {
        let zipped = try CompressedStream.gzip.encode(text)
        let wrapped = try Deflater.deflate(text, wrapping: .zlib)
        for length in 0..<zipped.count {
            #expect(code { _ = try CompressedStream.gzip.decode(Array(zipped.prefix(length))) } == .badEncoding)
        }
        for length in 0..<wrapped.count {
            #expect(code { _ = try CompressedStream.deflate.decode(Array(wrapped.prefix(length))) } == .badEncoding)
        }
    }

    @Test("A changed checksum or length is refused")
    func damaged() throws {
        var zipped = try CompressedStream.gzip.encode(text)
        zipped[zipped.count - 1] ^= 1
        #expect(code { _ = try CompressedStream.gzip.decode(zipped) } == .badEncoding)
        zipped = try CompressedStream.gzip.encode(text)
        zipped[zipped.count - 8] ^= 1
        #expect(code { _ = try CompressedStream.gzip.decode(zipped) } == .badEncoding)
    }

    @Test("A stream is refused beyond the ratio and beyond the size")
    func bombs() throws {
        let bomb = try CompressedStream.gzip.encode([UInt8](repeating: 0, count: 4 << 20))
        #expect(bomb.count < 8192)
        #expect(code { _ = try CompressedStream.gzip.decode(bomb) } == .inflatedTooLarge)
        var limits = FormatLimits()
        limits.maxInflationRatio = 2000
        #expect(try CompressedStream.gzip.decode(bomb, limits: limits).count == 4 << 20)
        limits.maxInflatedBytes = (4 << 20) - 1
        #expect(code { _ = try CompressedStream.gzip.decode(bomb, limits: limits) } == .inflatedTooLarge)
        let members = Array(
            repeatElement(try CompressedStream.gzip.encode([UInt8](repeating: 0, count: 60_000)), count: 20).joined())
        #expect(code { _ = try CompressedStream.gzip.decode(members) } == .inflatedTooLarge)
    }

    @Test("Exactly the limit is allowed")
    func exactLimit() throws {
        var limits = FormatLimits()
        limits.maxInflatedBytes = text.count
        #expect(try CompressedStream.gzip.decode(try CompressedStream.gzip.encode(text), limits: limits) == text)
        limits.maxInflatedBytes = text.count - 1
        #expect(
            code { _ = try CompressedStream.gzip.decode(try CompressedStream.gzip.encode(text), limits: limits) }
                == .inflatedTooLarge)
    }
}
