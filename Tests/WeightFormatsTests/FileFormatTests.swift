import Testing

@testable import WeightFormats

@Suite("Recognising formats by content")
struct FileFormatTests {
    @Test(
        "Each fixture is recognised",
        arguments: [
            ("net0.safetensors", FileFormat.safetensors), ("net0.npz", .npz), ("plain.npy", .npy),
            ("net0.pth", .torch), ("net0.json", .json),
        ])
    func fixtures(name: String, format: FileFormat) throws {
        let bytes = try Fixture.bytes(name)
        #expect(try FileFormat.detect(bytes) == format)
        #expect(try WeightFile.read(bytes).format == format)
    }

    @Test("JSON may follow whitespace or a byte order mark", arguments: [" \r\n\t{}", "\u{feff}[]", "        {}"])
    func jsonAfterWhitespace(text: String) throws {
        #expect(try FileFormat.detect(Array(text.utf8)) == .json)
    }

    @Test("A safetensors header of 123 bytes starts with a brace and is still not JSON")
    func braceAsLength() throws {
        let bytes: [UInt8] = [123, 0, 0, 0, 0, 0, 0, 0] + "{".utf8
        #expect(try FileFormat.detect(bytes) == .safetensors)
    }

    @Test("Anything else is refused with its first bytes and the list of formats")
    func unknown() {
        let error = #expect(throws: FormatError.self) { try FileFormat.detect([0x89, 0x48, 0x44, 0x46, 0x0d]) }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains("89 48 44 46 0d") == true)
        #expect(error?.detail.contains("safetensors") == true)
    }

    @Test(
        "Empty and unknown content, bare pickles and broken zip archives have errors of their own",
        arguments: [
            ([], FormatError.Code.unknownFormat),
            (Array("hello".utf8), .unknownFormat),
            ([0x80, 0x04, 0x95], .legacyTorchFormat),
            (Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 18), .malformed),
            (Array("PK\u{3}\u{4}".utf8), .malformed),
        ] as [([UInt8], FormatError.Code)])
    func nearMisses(bytes: [UInt8], expected: FormatError.Code) {
        #expect(code(reading: bytes) == expected)
    }

    @Test("A tar archive of PyTorch is a legacy file, another tar archive is unknown")
    func tar() {
        func tar(_ name: String) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 512)
            bytes.replaceSubrange(0..<name.utf8.count, with: name.utf8)
            bytes.replaceSubrange(257..<262, with: "ustar".utf8)
            return bytes
        }
        #expect(code(reading: tar("storages")) == .legacyTorchFormat)
        #expect(code(reading: tar("readme.txt")) == .unknownFormat)
    }

    @Test("A zip archive of neither PyTorch nor NumPy is unknown and its entries are listed")
    func otherZip() throws {
        var archive = ZipWriter()
        try archive.add("a.npy", [1])
        try archive.add("readme.txt", [2])
        let bytes = try archive.finish()
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains("'readme.txt'") == true)
    }

    @Test("A gzip file is inflated and read", arguments: ["net0.json", "net0.pth", "plain.npy"])
    func gzipFile(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let zipped = try WeightFile.read(try CompressedStream.gzip.encode(bytes))
        let plain = try WeightFile.read(bytes)
        #expect(try zipped.soleNetwork() == plain.soleNetwork())
    }

    @Test("A gzip file in a gzip file is refused")
    func nestedGzip() throws {
        let bytes = try CompressedStream.gzip.encode(try CompressedStream.gzip.encode(try Fixture.bytes("plain.npy")))
        #expect(code(reading: bytes) == .unknownFormat)
    }

    @Test("Files beyond the limit are refused unread")
    func tooLarge() {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 16
        #expect(code(reading: "{\"a\": [1, 2, 3, 4, 5]}", limits: limits) == .inflatedTooLarge)
    }
}
