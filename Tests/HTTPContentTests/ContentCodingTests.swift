import HTTPContent
import Testing
import WeightFormats

@Suite("Content codings")
struct ContentCodingTests {
    private let text = Array("the weights of a network, the weights of a network".utf8)

    private func decode(_ bytes: [UInt8], _ field: String) throws(ContentError) -> [UInt8] {
        try ContentCoding.decode(bytes, contentEncoding: field)
    }

    @Test(
        "Every accepted coding is undone", arguments: ["gzip", "x-gzip", "GZIP", " gzip , identity", "identity, gzip"])
    func gzip(field: String) throws {
        #expect(try decode(try CompressedStream.gzip.encode(text), field) == text)
    }

    @Test("Two codings are undone in reverse, three are refused")
    func layers() throws {
        let once = try CompressedStream.deflate.encode(text)
        let twice = try CompressedStream.gzip.encode(once)
        #expect(try decode(twice, "deflate, gzip") == text)
        #expect(throws: ContentError.unsupportedEncoding("more than 2 content codings")) {
            try decode(twice, "gzip, gzip, gzip")
        }
    }

    @Test("Nothing to undo leaves the bytes", arguments: ["", "identity", " , "])
    func identity(field: String) throws { #expect(try decode(text, field) == text) }

    @Test("Other codings are refused with those that are accepted", arguments: ["br", "zstd", "compress", "gzip, br"])
    func unsupported(field: String) {
        guard
            case .unsupportedEncoding(let detail)? = #expect(
                throws: ContentError.self, performing: { try decode(text, field) })
        else { return #expect(Bool(false), "another error") }
        #expect(detail.contains(ContentCoding.accepted))
    }

    @Test("A body that its coding does not fit is refused as damaged, one that grows too large as that")
    func undecodable() throws {
        func code(_ bytes: [UInt8], _ field: String) -> FormatError.Code? {
            guard
                case .undecodable(let error)? = #expect(
                    throws: ContentError.self, performing: { try decode(bytes, field) })
            else { return nil }
            return error.code
        }
        #expect(code(text, "gzip") == .badEncoding)
        let bomb = try CompressedStream.gzip.encode([UInt8](repeating: 0, count: 4 << 20))
        #expect(code(bomb, "gzip") == .inflatedTooLarge)
        #expect(code(try CompressedStream.gzip.encode(bomb), "gzip, gzip") == .inflatedTooLarge)
    }

    @Test(
        "The coding is the one with the highest weight",
        arguments: [
            ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate", .gzip), ("gzip;q=0.5, deflate", .deflate),
            ("*", .gzip), ("br, *;q=0.1", .gzip), ("gzip;q=0", nil), ("identity", nil), ("", nil),
            ("identity;q=1, gzip;q=0.5", nil), ("identity;q=0.5, gzip", .gzip), ("identity, gzip", .gzip),
        ] as [(String, CompressedStream?)])
    func preferred(_ field: String, _ coding: CompressedStream?) {
        #expect(ContentCoding.preferred(acceptEncoding: field) == coding)
    }
}
