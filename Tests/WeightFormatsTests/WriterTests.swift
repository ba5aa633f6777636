import Tensors
import Testing

@testable import WeightFormats

@Suite("Writers")
struct WriterTests {
    private func text(_ build: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        build(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("Objects and arrays are compact and separated")
    func structure() {
        let json = text { json in
            json.beginObject()
            json.member("a", 1)
            json.name("b")
            json.beginArray()
            json.endArray()
            json.name("c")
            json.array([true, false]) { $0.value($1) }
            json.name("d")
            json.beginObject()
            json.member("e", "f")
            json.name("g")
            json.null()
            json.endObject()
            json.member("h", 1.5)
            json.endObject()
        }
        #expect(json == #"{"a":1,"b":[],"c":[true,false],"d":{"e":"f","g":null},"h":1.5}"#)
    }

    @Test(
        "Text is escaped so that it reads back",
        arguments: ["", "plain", "a/b", "\"\\/\n\r\t\u{0}\u{1f}\u{7f}é😀\u{2028}"])
    func escapes(value: String) throws {
        let json = text { $0.value(value) }
        #expect(try JSONValue.parse(Array(json.utf8)) == .string(value))
        #expect(json.utf8.allSatisfy { $0 >= 0x20 })
    }

    @Test(
        "Floats have the shortest text that reads back",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (0.1, "0.1"), (-0.9812, "-0.9812"), (16_777_216, "16777216"),
            (100, "100"), (1e-5, "1e-05"), (3.4028235e38, "3.4028235e+38"), (Float.leastNonzeroMagnitude, "1e-45"),
        ] as [(Float, String)])
    func shortestFloats(value: Float, expected: String) {
        #expect(text { $0.value(value) } == expected)
    }

    @Test("Any float reads back to the same bits")
    func floatRoundTrip() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<4000 {
            let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
            guard value.isFinite else { continue }
            let json = text { $0.value(value) }
            let parsed = try #require(try JSONValue.parse(Array(json.utf8)).double)
            #expect(Float(parsed).bitPattern == value.bitPattern, "\(json)")
        }
    }

    @Test("Infinities and NaNs become null and are reported", arguments: [Float.nan, .infinity, -.infinity])
    func nonFinite(value: Float) {
        var writer = JSONWriter()
        writer.value(value)
        #expect(writer.wroteNonFinite)
        #expect(writer.bytes == Array("null".utf8))
    }

    @Test("Tensors nest by axis")
    func tensors() {
        #expect(text { $0.value(Fixture.a) } == "[[-0.5,-0.25,0],[0.25,0.5,0.75]]")
        #expect(text { $0.value(Tensor(shape: [], values: [2])) } == "2")
        #expect(text { $0.value(Tensor(zeros: [2, 0])) } == "[[],[]]")
        #expect(text { $0.value(Tensor(zeros: [1, 2, 1])) } == "[[[0],[0]]]")
    }

    @Test("A value writes the text that it was parsed from")
    func values() throws {
        let json = #"{"b":[1,2.5,null,true],"a":{"c":"d"}}"#
        let value = try JSONValue.parse(Array(json.utf8))
        #expect(text { $0.value(value) } == json)
    }

    @Test(
        "Base64 follows the vectors of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, encoded: String) { #expect(Base64.encode(Array(plain.utf8)) == encoded) }

    @Test("Floats become little-endian words")
    func floatBytes() {
        #expect(FloatBytes.littleEndian([1, -2]) == [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
        #expect(Base64.encode([Float(1)]) == "AACAPw==")
    }

    @Test("A picture is a PNG of three chunks that inflates to its rows", arguments: [PNGWriter.Color.gray, .rgb])
    func png(color: PNGWriter.Color) throws {
        let pixels = (0..<6 * color.channels).map { UInt8($0 * 7) }
        let png = try PNGWriter.write(pixels, width: 3, height: 2, color: color)
        #expect(png.prefix(8) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
        var position = 8
        var chunks: [String: [UInt8]] = [:]
        while position < png.count {
            let length = png[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            let body = png[position + 4..<position + 8 + length]
            let checksum = png[position + 8 + length..<position + 12 + length].reduce(0) { $0 << 8 | UInt32($1) }
            #expect(crc32(body) == checksum)
            chunks[String(decoding: body.prefix(4), as: UTF8.self)] = Array(body.dropFirst(4))
            position += 12 + length
        }
        #expect(chunks["IHDR"] == [0, 0, 0, 3, 0, 0, 0, 2, 8, color.rawValue, 0, 0, 0])
        #expect(chunks["IEND"] == [])
        let row = 3 * color.channels
        let lines = try CompressedStream.deflate.decode(try #require(chunks["IDAT"]))
        let expected: [UInt8] = [0] + Array(pixels[..<row]) + [0] + Array(pixels[row...])
        #expect(lines == expected)
    }

    @Test("Pictures of the wrong size are refused", arguments: [(0, 2), (2, 0), (-2, -3), (.max, 2), (2, 2)])
    func pngSizes(width: Int, height: Int) {
        let pixels = [UInt8](repeating: 0, count: 6)
        #expect(code { _ = try PNGWriter.write(pixels, width: width, height: height, color: .gray) } == .malformed)
    }
}
