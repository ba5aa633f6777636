import Testing

@testable import WeightFormats

@Suite("Recognising formats by content")
struct FileFormatTests {
    @Test(
        "Each fixture is recognised",
        arguments: [
            ("net0.safetensors", FileFormat.safetensors), ("net0.npz", .npz), ("plain.npy", .npy),
            ("net0.pth", .torch), ("net0.json", .json), ("plain0.pkl", .pickle), ("plain1.pkl", .pickle),
            ("plain2.pkl", .pickle), ("plain5.pkl", .pickle),
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
        let error = #expect(throws: FormatError.self) { try FileFormat.detect([1, 2, 3, 0xfe, 0xff]) }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains("01 02 03 fe ff") == true)
        #expect(error?.detail.contains("safetensors") == true)
    }

    @Test(
        "Empty and unknown content, and broken pickles and zip archives have errors of their own",
        arguments: [
            ([], FormatError.Code.unknownFormat),
            (Array("hello".utf8), .unknownFormat),
            ([0x80, 0x04, 0x95], .malformed),
            (Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 18), .malformed),
            (Array("PK\u{3}\u{4}".utf8), .malformed),
        ] as [([UInt8], FormatError.Code)])
    func nearMisses(bytes: [UInt8], expected: FormatError.Code) {
        #expect(code(reading: bytes) == expected)
    }

    @Test(
        "Pickles of protocols 0 and 1 are recognised by their opcodes, texts that end alike are not",
        arguments: [
            ("(I1\nF2.5\ntp0\n.", FileFormat.pickle), ("(dp0\n.", .pickle), ("](K\u{1}e.", .pickle),
            ("(N}q\u{0}t.", .pickle),
            ("cposix\nsystem\np0\n(Vid\ntR.", .pickle), ("(lp0\ncposix\nsystem\na.", .pickle), ("(see below).", nil),
            ("(A note).", nil), ("(ios\nsystem\nR.", .pickle),
            ("class, value\nfirst, 1.", nil), ("c\n\n.", nil), ("(.", nil), (").\n", .pickle),
        ] as [(String, FileFormat?)])
    func unnumberedPickles(text: String, expected: FileFormat?) {
        #expect((try? FileFormat.detect(Array(text.utf8))) == expected)
    }

    @Test("Old files of PyTorch are recognised by their number in every protocol, other pickles are not")
    func legacyTorch() {
        let number: [UInt8] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
        for start in [[0x80, 2], [0x80, 3], [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(code(reading: start + number) == .legacyTorchFormat)
        }
        #expect(code(reading: "L119547037146038801333356L\n.I1001\n.") == .legacyTorchFormat)
        #expect(code { _ = try WeightFile.read([0x80, 2, 0x7d, 0x2e]) } == nil)
    }

    /// A block of a tar archive whose first entry has the name.
    private static func tar(_ name: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        bytes.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        bytes.replaceSubrange(257..<262, with: "ustar".utf8)
        return bytes
    }

    @Test("A tar archive of PyTorch is a legacy file")
    func legacyTar() {
        #expect(code(reading: Self.tar("storages")) == .legacyTorchFormat)
    }

    private static let hdf5: [UInt8] = [0x89] + Array("HDF\r\n".utf8) + [0x1a, 0x0a]

    @Test(
        "A format that is not read is told by its name",
        arguments: [
            (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "Git LFS"),
            (Array("\n<!DOCTYPE HTML>\n<html></html>".utf8), "HTML"),
            (Array("<!-- a --><html><body>".utf8), "HTML"),
            (Array("<html lang=\"en\">".utf8), "HTML"),
            (Array("<?xml version=\"1.0\"?><Error>".utf8), "XML"),
            (hdf5 + [0, 0], "HDF5"),
            ([UInt8](repeating: 0, count: 512) + hdf5, "HDF5"),
            (Array("MATLAB 5.0 MAT-file, Platform: GLNXA64".utf8), "MATLAB"),
            (Array("MATLAB 7.3 MAT-file".utf8) + [UInt8](repeating: 0x20, count: 493) + hdf5, "MATLAB v7.3"),
            ([8, 8, 0x12, 7] + Array("pytorch".utf8), "ONNX"),
            ([8, 1, 0x12, 20, 0x0a, 5] + Array("serve".utf8), "TensorFlow SavedModel"),
            ([0x1c, 0, 0, 0] + Array("TFL3".utf8), "TensorFlow Lite"),
            (
                [UInt8](repeating: 1, count: 41) + [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb],
                "TensorFlow checkpoint"
            ),
            (Array("GGUF".utf8) + [3, 0, 0, 0], "GGUF"),
            ([0x81, 0xa6] + Array("params".utf8) + [0x81], "msgpack"),
            ([0x28, 0xb5, 0x2f, 0xfd, 0, 0], "zstd"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0], "xz"),
            (Array("BZh91AY&SY".utf8), "bzip2"),
            (tar("net.pth"), "tar archive"),
            ([0xff, 0xfe, 0x7b, 0, 0x22, 0], "UTF-16"),
            ([0xfe, 0xff, 0, 0x7b, 0, 0x22], "UTF-16"),
            ([0x7b, 0, 0x22, 0, 0x77, 0], "UTF-16"),
            (Array("UEsDBAAACAgAAAAAAAAAAAAAAAAAAAAAAAASAAAAYXJjaGl2ZS9kYXRhLnBrbA==".utf8), "base64"),
            (Array("0.25 -1e-3\n2.5 3\n".utf8), "numbers"),
            (Array("epoch,loss\n1,0.5\n".utf8), "not JSON"),
            (FloatBytes.littleEndian((1...64).map { Float($0) / 100 - 0.3 }), "floats without a header"),
            ([0x78, 0x9c, 1, 2, 3], "joblib"),
        ] as [([UInt8], String)])
    func foreign(bytes: [UInt8], name: String) {
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains(name) == true, "\(error?.detail ?? "")")
    }

    @Test("A zip archive without weights is unknown and its entries are listed")
    func otherZip() throws {
        var archive = ZipWriter()
        try archive.add("a.txt", [1])
        try archive.add("readme.txt", [2])
        let bytes = try archive.finish()
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == .unknownFormat)
        #expect(error?.detail.contains("'readme.txt'") == true)
    }

    @Test("Archives of Keras and TensorFlow, and of one foreign file, are told by their names")
    func foreignZip() throws {
        for (entry, content, name) in [
            ("model.weights.h5", [1, 2], "Keras"), ("m/saved_model.pb", [1, 2], "SavedModel"),
            ("m/net.gguf", Array("GGUF".utf8), "GGUF"),
        ] as [(String, [UInt8], String)] {
            var archive = ZipWriter()
            try archive.add("config.json", Array("{}".utf8))
            try archive.add(entry, content)
            let bytes = try archive.finish()
            let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
            #expect(error?.code == .unknownFormat)
            #expect(error?.detail.contains(name) == true, "\(error?.detail ?? "")")
        }
    }

    @Test("A gzip file is inflated and read", arguments: ["net0.json", "net0.pth", "plain.npy"])
    func gzipFile(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let zipped = try WeightFile.read(try CompressedStream.gzip.encode(bytes))
        let plain = try WeightFile.read(bytes)
        #expect(zipped.tree == plain.tree)
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
