import Testing

@testable import WeightFormats

/// A PNG file, written chunk by chunk.
private struct PNGFile {
    var bytes: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    mutating func add(_ type: String, _ content: [UInt8]) {
        bytes.append(bigEndian: UInt32(content.count))
        let body = Array(type.utf8) + content
        bytes += body
        bytes.append(bigEndian: crc32(body[...]))
    }

    /// A picture whose rows begin with their filters.
    static func make(
        width: Int, height: Int, depth: UInt8, color: UInt8, rows: [UInt8],
        before: [(String, [UInt8])] = [], parts: Int = 1, interlace: UInt8 = 0
    ) throws -> [UInt8] {
        var file = PNGFile()
        file.add("IHDR", header(width: width, height: height, depth: depth, color: color, interlace: interlace))
        for (type, content) in before { file.add(type, content) }
        let data = try CompressedStream.deflate.encode(rows)
        let size = (data.count + parts - 1) / parts
        for start in stride(from: 0, to: data.count, by: size) {
            file.add("IDAT", Array(data[start..<min(data.count, start + size)]))
        }
        file.add("IEND", [])
        return file.bytes
    }

    static func header(
        width: Int, height: Int, depth: UInt8, color: UInt8, interlace: UInt8 = 0
    ) -> [UInt8] {
        var header: [UInt8] = []
        header.append(bigEndian: UInt32(width))
        header.append(bigEndian: UInt32(height))
        return header + [depth, color, 0, 0, interlace]
    }
}

@Suite("PNG pictures")
struct PNGReaderTests {
    private func read(_ bytes: [UInt8]) throws -> PNGPicture { try PNGReader.read(bytes, maxSide: 64) }

    private func refusal(_ bytes: [UInt8]) -> FormatError? {
        do throws(FormatError) {
            _ = try PNGReader.read(bytes, maxSide: 64)
            return nil
        } catch {
            return error
        }
    }

    @Test("What the writer writes is read as the same bytes", arguments: [PNGWriter.Color.gray, .rgb])
    func written(color: PNGWriter.Color) throws {
        let pixels = (0..<5 * 7 * color.channels).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let picture = try read(try PNGWriter.write(pixels, width: 7, height: 5, color: color))
        #expect((picture.height, picture.width, picture.channels) == (5, 7, color.channels))
        #expect(picture.values == pixels.map { Float($0) })
    }

    @Test("Grey samples of 1, 2, 4, 8 and 16 bits cover 0 to 255, and rows begin at whole bytes")
    func depths() throws {
        let cases: [(UInt8, [UInt8], [Float])] = [
            (1, [0, 0b1010_0000, 0, 0b0110_0000], [255, 0, 255, 0, 255, 255]),
            (2, [0, 0b0001_1000, 0, 0b1100_0100], [0, 85, 170, 255, 0, 85]),
            (4, [0, 0x0f, 0x80, 0, 0x1e, 0x70], [0, 255, 136, 17, 238, 119]),
            (8, [0, 1, 2, 3, 0, 4, 5, 255], [1, 2, 3, 4, 5, 255]),
            (16, [0, 255, 255, 0, 0, 1, 1, 0, 128, 128, 2, 2, 3, 3], [255, 0, 1, 128, 2, 3]),
        ]
        for (depth, rows, expected) in cases {
            let bytes = try PNGFile.make(width: 3, height: 2, depth: depth, color: 0, rows: rows)
            #expect(try read(bytes).values == expected, "\(depth) bits")
        }
    }

    @Test("A palette gives colours, and its opacities draw them over black")
    func palette() throws {
        let colors: [UInt8] = [10, 20, 30, 255, 0, 100, 7, 8, 9]
        for (depth, rows) in [(1, [0, 0b0100_0000]), (2, [0, 0b0001_0000]), (4, [0, 0x01]), (8, [0, 0, 1])]
            as [(UInt8, [UInt8])]
        {
            let own = depth == 1 ? Array(colors.prefix(6)) : colors
            let bytes = try PNGFile.make(
                width: 2, height: 1, depth: depth, color: 3, rows: rows, before: [("PLTE", own)])
            #expect(try read(bytes).values == [10, 20, 30, 255, 0, 100], "\(depth) bits")
        }
        let bytes = try PNGFile.make(
            width: 3, height: 1, depth: 8, color: 3, rows: [0, 0, 1, 2], before: [("PLTE", colors), ("tRNS", [0, 51])])
        #expect(try read(bytes).values == [0, 0, 0, 51, 0, 20, 7, 8, 9])
    }

    @Test("RGB, grey with opacity and RGB with opacity are read with 8 and 16 bits")
    func colors() throws {
        let rgb = try PNGFile.make(width: 2, height: 1, depth: 8, color: 2, rows: [0, 1, 2, 3, 4, 5, 6])
        #expect(try read(rgb).values == [1, 2, 3, 4, 5, 6])
        let deep = try PNGFile.make(width: 1, height: 1, depth: 16, color: 2, rows: [0, 1, 1, 2, 2, 255, 255])
        #expect(try read(deep).values == [1, 2, 255])
        let gray = try PNGFile.make(width: 2, height: 1, depth: 8, color: 4, rows: [0, 200, 255, 200, 0])
        #expect(try read(gray) == PNGPicture(height: 1, width: 2, channels: 1, values: [200, 0]))
        let deepGray = try PNGFile.make(width: 1, height: 1, depth: 16, color: 4, rows: [0, 9, 9, 255, 255])
        #expect(try read(deepGray).values == [9])
        let alpha = try PNGFile.make(width: 1, height: 1, depth: 8, color: 6, rows: [0, 255, 0, 10, 51])
        #expect(try read(alpha).values.map { $0.rounded() } == [51, 0, 2])
        let deepAlpha = try PNGFile.make(
            width: 1, height: 1, depth: 16, color: 6, rows: [0, 1, 1, 2, 2, 3, 3, 255, 255])
        #expect(try read(deepAlpha).values == [1, 2, 3])
    }

    @Test("One colour of a picture without opacities may be transparent")
    func transparentColor() throws {
        let gray = try PNGFile.make(
            width: 3, height: 1, depth: 8, color: 0, rows: [0, 5, 6, 5], before: [("tRNS", [0, 5])])
        #expect(try read(gray).values == [0, 6, 0])
        let rgb = try PNGFile.make(
            width: 2, height: 1, depth: 8, color: 2, rows: [0, 1, 2, 3, 1, 2, 4],
            before: [("tRNS", [0, 1, 0, 2, 0, 3])])
        #expect(try read(rgb).values == [0, 0, 0, 1, 2, 4])
    }

    @Test("Each filter is undone, in one IDAT or in many, with chunks that may be passed over")
    func filters() throws {
        // Rows of 3 bytes: none, left, above, mean of both, Paeth.
        let rows: [UInt8] = [
            0, 10, 20, 30, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 4, 1, 1, 1,
        ]
        let expected: [Float] = [10, 20, 30, 1, 2, 3, 2, 3, 4, 2, 3, 4, 3, 4, 5]
        for parts in [1, 5] {
            let bytes = try PNGFile.make(
                width: 3, height: 5, depth: 8, color: 0, rows: rows, before: [("gAMA", [0, 0, 1, 0])], parts: parts)
            #expect(try read(bytes).values == expected)
        }
    }

    @Test("What is not such a picture is refused with what is wrong")
    func refusals() throws {
        func make(
            _ color: UInt8 = 0, _ rows: [UInt8] = [0, 1, 2], depth: UInt8 = 8, width: Int = 2,
            before: [(String, [UInt8])] = [], interlace: UInt8 = 0
        ) throws -> [UInt8] {
            try PNGFile.make(
                width: width, height: 1, depth: depth, color: color, rows: rows, before: before, interlace: interlace)
        }
        let palette: (String, [UInt8]) = ("PLTE", [0, 0, 0])
        let cases: [([UInt8], String)] = [
            (try make(interlace: 1), "interlaced"), (try make(interlace: 2), "interlace method 0"),
            (try make(1), "colour type 0, 2, 3, 4 or 6, received 1"), (try make(2, depth: 4), "expected 8, 16 bits"),
            (try make(width: 0), "at least 1 row and column"), (try make(width: 65), "received 1 × 65"),
            (try make(0, [0, 1]), "expected 3 bytes for 1 rows"), (try make(0, [0, 1, 2, 3]), "more than 3 bytes"),
            (try make(0, [5, 1, 2]), "filter from 0 to 4 in row 0, found 5"), (try make(3), "PLTE"),
            (try make(3, [0, 0, 1], before: [palette]), "column 1 has the colour 1, the palette has 1"),
            (try make(0, before: [palette]), "no grey picture"), (try make(3, before: [("PLTE", [0, 0])]), "PLTE"),
            (try make(2, before: [("tRNS", [1, 2])]), "tRNS: expected 6"), (try make(4, before: [("tRNS", [])]), "own"),
            (try make(3, before: [("tRNS", [1])]), "expected PLTE before it"),
            (try make(before: [("CgBI", [])]), "the chunk CgBI is not known"),
            (try make(before: [("1AB ", [])]), "letters"),
            (try make(before: [("IHDR", [])]), "second chunk IHDR"), (try make() + [0], "1 bytes after the chunk IEND"),
            ([0x89, 0x50, 0x4e, 0x47, 0x0a, 0x1a, 0x0a, 0], "signature"),
        ]
        for (bytes, text) in cases {
            let error = refusal(bytes)
            #expect(error?.detail.contains(text) == true, "\(text): \(error?.detail ?? "read")")
            #expect(error?.detail.hasPrefix("PNG: ") == true)
        }
        var split = PNGFile()
        split.add("IHDR", PNGFile.header(width: 1, height: 1, depth: 8, color: 0))
        split.add("IDAT", [])
        split.add("tEXt", [])
        split.add("IDAT", [])
        #expect(refusal(split.bytes)?.detail.contains("one after another") == true)
        var empty = PNGFile()
        empty.add("IHDR", PNGFile.header(width: 1, height: 1, depth: 8, color: 0))
        empty.add("IEND", [])
        #expect(refusal(empty.bytes)?.detail.contains("expected a chunk IDAT") == true)
        var headless = PNGFile()
        headless.add("IEND", [])
        #expect(refusal(headless.bytes)?.detail.contains("expected the chunk IHDR") == true)
    }

    @Test("A file that is cut short or has one wrong byte anywhere is refused")
    func damage() throws {
        let bytes = try PNGFile.make(
            width: 2, height: 2, depth: 8, color: 3, rows: [0, 0, 1, 1, 0, 1],
            before: [("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [9])])
        #expect(refusal(bytes) == nil)
        for length in bytes.indices { #expect(refusal(Array(bytes.prefix(length))) != nil, "\(length) bytes") }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(refusal(damaged) != nil, "byte \(index)")
        }
    }
}
