/// The pixels of a PNG picture, without its palette and transparency.
package struct PNGPicture: Sendable, Equatable {
    /// Rows.
    package let height: Int
    /// Columns.
    package let width: Int
    /// 1 (grey) or 3 (RGB).
    package let channels: Int
    /// (height, width, channels), row-major, from 0 (black) to 255 (white): a sample s of d bits is 255 s / (2ᵈ − 1), times
    /// the pixel's opacity.
    package let values: [Float]
}

/// Reads PNG pictures (ISO/IEC 15948): every colour type and depth, not interlaced. Gamma and colour profiles are passed
/// over. A transparent picture is drawn over black.
package enum PNGReader {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// Whether a file begins like a PNG picture.
    package static func matches(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature.prefix(4)) }

    /// Reads a file.
    /// - Parameter maxSide: the most rows and columns, which bounds the memory: 8 bytes for each pixel of the data and 12
    ///   of the values.
    /// - Throws: `malformed` for a file that breaks the format's rules or is interlaced; `shape_mismatch` for a larger
    ///   picture; `bad_encoding` and `inflated_too_large` for the compressed data.
    package static func read(_ bytes: [UInt8], maxSide: Int) throws(FormatError) -> PNGPicture {
        do throws(FormatError) {
            guard bytes.starts(with: signature) else {
                throw FormatError(.malformed, "expected the 8 bytes of the signature; the file was changed as text is")
            }
            var chunks = PNGChunks(maxSide: maxSide)
            try chunks.read(bytes.dropFirst(signature.count))
            return try chunks.picture()
        } catch {
            throw error.within("PNG")
        }
    }
}

/// The header of a PNG picture (IHDR).
private struct PNGHeader {
    enum Color: UInt8 {
        case gray = 0
        case rgb = 2
        case palette = 3
        case grayAlpha = 4
        case rgbAlpha = 6

        /// Samples of a pixel.
        var samples: Int {
            switch self {
            case .gray, .palette: 1
            case .grayAlpha: 2
            case .rgb: 3
            case .rgbAlpha: 4
            }
        }

        /// Bits that a sample may have.
        var depths: [Int] {
            switch self {
            case .gray: [1, 2, 4, 8, 16]
            case .palette: [1, 2, 4, 8]
            case .rgb, .grayAlpha, .rgbAlpha: [8, 16]
            }
        }
    }

    let height: Int
    let width: Int
    let color: Color
    /// Bits of a sample.
    let depth: Int

    /// Bytes of a row, without the byte of its filter.
    var rowBytes: Int { (width * color.samples * depth + 7) / 8 }
    /// Bytes from a sample to the one of the pixel before, at least 1.
    var pixelBytes: Int { max(1, color.samples * depth / 8) }
    /// The largest sample.
    var maximum: Int { 1 << depth - 1 }

    init(_ content: ArraySlice<UInt8>, maxSide: Int) throws(FormatError) {
        guard content.count == 13 else {
            throw FormatError(.malformed, "IHDR: expected 13 bytes, received \(content.count)")
        }
        let bytes = Array(content)
        let (wide, high) = (bigEndian(bytes[0..<4]), bigEndian(bytes[4..<8]))
        guard wide > 0, high > 0 else {
            throw FormatError(.malformed, "expected at least 1 row and column, received \(high) × \(wide)")
        }
        guard max(wide, high) <= maxSide else {
            throw FormatError(
                .shapeMismatch,
                "expected at most \(maxSide) rows and columns, received \(high) × \(wide); make the picture smaller")
        }
        guard let color = Color(rawValue: bytes[9]) else {
            throw FormatError(.malformed, "IHDR: expected the colour type 0, 2, 3, 4 or 6, received \(bytes[9])")
        }
        guard color.depths.contains(Int(bytes[8])) else {
            let expected = color.depths.map(String.init).joined(separator: ", ")
            throw FormatError(
                .malformed,
                "IHDR: expected \(expected) bits for the colour type \(color.rawValue), received \(bytes[8])")
        }
        guard bytes[10] == 0, bytes[11] == 0 else {
            throw FormatError(
                .malformed, "IHDR: expected compression 0 and filter 0, received \(bytes[10]) and \(bytes[11])")
        }
        guard bytes[12] == 0 else {
            throw FormatError(
                .malformed,
                bytes[12] == 1
                    ? "the picture is interlaced (Adam7), which is not read; save it without interlacing"
                    : "IHDR: expected the interlace method 0, received \(bytes[12])")
        }
        (height, width, self.color, depth) = (high, wide, color, Int(bytes[8]))
    }
}

/// What the chunks of a PNG picture hold.
private struct PNGChunks {
    let maxSide: Int
    private var header: PNGHeader?
    /// RGB, 3 bytes for each entry.
    private var palette: [UInt8]?
    /// The content of tRNS.
    private var transparency: [UInt8]?
    /// Of all IDAT chunks.
    private var data: [UInt8] = []
    private var dataEnded = false
    private var hasData = false

    init(maxSide: Int) { self.maxSide = maxSide }

    /// Reads all chunks, from IHDR to IEND.
    mutating func read(_ bytes: ArraySlice<UInt8>) throws(FormatError) {
        var reader = ByteReader(bytes, of: "chunks")
        while true {
            guard reader.remaining > 0 else { throw FormatError(.malformed, "the file ends before the chunk IEND") }
            let length = bigEndian(try reader.take(4))
            let begin = reader.position
            let type = try reader.take(4)
            guard type.allSatisfy({ (0x41...0x5a).contains($0 & ~0x20) }) else {
                throw FormatError(.malformed, "expected a chunk at byte \(begin - 4), found no type of four letters")
            }
            let name = String(decoding: type, as: UTF8.self)
            guard length <= reader.remaining - 4 else {
                throw FormatError(
                    .malformed, "\(name): expected \(length) bytes and a checksum, the file has \(reader.remaining)")
            }
            let content = try reader.take(length)
            let stored = UInt32(truncatingIfNeeded: bigEndian(try reader.take(4)))
            let computed = crc32(bytes[begin..<begin + 4 + length])
            guard stored == computed else {
                throw FormatError(
                    .malformed,
                    "\(name): the checksum is \(String(stored, radix: 16)), that of the content \(String(computed, radix: 16)); the file is damaged"
                )
            }
            if name == "IEND" {
                guard length == 0, reader.remaining == 0 else {
                    throw FormatError(.malformed, "\(length + reader.remaining) bytes after the chunk IEND")
                }
                return
            }
            try add(name, content)
        }
    }

    private mutating func add(_ name: String, _ content: ArraySlice<UInt8>) throws(FormatError) {
        guard let header else {
            guard name == "IHDR" else { throw FormatError(.malformed, "expected the chunk IHDR first, found \(name)") }
            self.header = try PNGHeader(content, maxSide: maxSide)
            return
        }
        if name != "IDAT", hasData { dataEnded = true }
        switch name {
        case "IHDR": throw FormatError(.malformed, "a second chunk IHDR")
        case "PLTE":
            guard !hasData, palette == nil, transparency == nil else {
                throw FormatError(.malformed, "PLTE: expected once, before tRNS and IDAT")
            }
            let most = header.color == .palette ? header.maximum + 1 : 256
            guard header.color != .gray, header.color != .grayAlpha, content.count.isMultiple(of: 3),
                (1...most).contains(content.count / 3)
            else {
                throw FormatError(
                    .malformed,
                    "PLTE: expected 3 bytes for each of 1 to \(most) colours and no grey picture, received \(content.count) bytes and the colour type \(header.color.rawValue)"
                )
            }
            palette = Array(content)
        case "tRNS":
            guard !hasData, transparency == nil else {
                throw FormatError(.malformed, "tRNS: expected once, before IDAT")
            }
            transparency = try transparency(content, header)
        case "IDAT":
            guard !dataEnded else { throw FormatError(.malformed, "IDAT: expected one after another") }
            hasData = true
            data += content
        default:
            // A capital first letter marks a chunk that readers must know.
            guard let first = name.utf8.first, first & 0x20 != 0 else {
                throw FormatError(.malformed, "the chunk \(name) is not known, and needed to read the picture")
            }
        }
    }

    private func transparency(_ content: ArraySlice<UInt8>, _ header: PNGHeader) throws(FormatError) -> [UInt8] {
        let expected: ClosedRange<Int>
        switch header.color {
        case .gray: expected = 2...2
        case .rgb: expected = 6...6
        case .palette:
            guard let palette else { throw FormatError(.malformed, "tRNS: expected PLTE before it") }
            expected = 1...palette.count / 3
        case .grayAlpha, .rgbAlpha:
            throw FormatError(.malformed, "tRNS: the colour type \(header.color.rawValue) has opacities of its own")
        }
        guard expected.contains(content.count) else {
            let count = expected.count == 1 ? "" : "\(expected.lowerBound) to "
            throw FormatError(
                .malformed, "tRNS: expected \(count)\(expected.upperBound) bytes, received \(content.count)")
        }
        return Array(content)
    }

    func picture() throws(FormatError) -> PNGPicture {
        guard let header else { throw FormatError(.malformed, "expected the chunk IHDR") }
        guard hasData else { throw FormatError(.malformed, "expected a chunk IDAT, found none") }
        guard header.color != .palette || palette != nil else {
            throw FormatError(.malformed, "expected a chunk PLTE for the colour type 3, found none")
        }
        let expected = header.height * (1 + header.rowBytes)
        var rows: [UInt8] = []
        do throws(FormatError) {
            var inflater = try Inflater(.zlib)
            let consumed = try inflater.inflate(data[...], into: &rows, cap: expected)
            guard consumed == data.count else {
                throw FormatError(.badEncoding, "\(data.count - consumed) bytes after the end of the stream")
            }
        } catch {
            throw error.within("IDAT")
        }
        guard rows.count == expected else {
            throw FormatError(
                .malformed,
                "IDAT: expected \(expected) bytes for \(header.height) rows of 1 + \(header.rowBytes), received \(rows.count)"
            )
        }
        let samples = try unfiltered(rows, header)
        let values = try values(samples, header)
        let channels = header.color == .gray || header.color == .grayAlpha ? 1 : 3
        return PNGPicture(height: header.height, width: header.width, channels: channels, values: values)
    }

    /// The rows without filters: each byte is the sum, modulo 256, of the stored one and a prediction from its
    /// neighbours a (the pixel before), b (above) and c (above the pixel before).
    private func unfiltered(_ rows: [UInt8], _ header: PNGHeader) throws(FormatError) -> [UInt8] {
        let (length, step) = (header.rowBytes, header.pixelBytes)
        var result = [UInt8](repeating: 0, count: header.height * length)
        for row in 0..<header.height {
            let filter = rows[row * (length + 1)]
            guard filter <= 4 else {
                throw FormatError(.malformed, "IDAT: expected a filter from 0 to 4 in row \(row), found \(filter)")
            }
            for column in 0..<length {
                let index = row * length + column
                let a = column >= step ? Int(result[index - step]) : 0
                let b = row > 0 ? Int(result[index - length]) : 0
                let c = column >= step && row > 0 ? Int(result[index - length - step]) : 0
                let prediction =
                    switch filter {
                    case 1: a
                    case 2: b
                    case 3: (a + b) / 2
                    case 4: paeth(a, b, c)
                    default: 0
                    }
                result[index] = rows[row * (length + 1) + 1 + column] &+ UInt8(truncatingIfNeeded: prediction)
            }
        }
        return result
    }

    /// Of a, b and c the one nearest to a + b − c; in a tie the first.
    private func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let (fromA, fromB, fromC) = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
        return fromA <= fromB && fromA <= fromC ? a : fromB <= fromC ? b : c
    }

    private func values(_ bytes: [UInt8], _ header: PNGHeader) throws(FormatError) -> [Float] {
        let (depth, samples) = (header.depth, header.color.samples)
        /// Sample number `index` of a row.
        func sample(_ row: Int, _ index: Int) -> Int {
            let start = row * header.rowBytes
            if depth == 16 { return Int(bytes[start + 2 * index]) << 8 | Int(bytes[start + 2 * index + 1]) }
            let bit = index * depth
            return Int(bytes[start + bit / 8]) >> (8 - depth - bit % 8) & header.maximum
        }
        let hidden = transparentColor(header)
        var values: [Float] = []
        values.reserveCapacity(header.height * header.width * (samples >= 3 || palette != nil ? 3 : 1))
        for row in 0..<header.height {
            for column in 0..<header.width {
                let pixel = (0..<samples).map { sample(row, column * samples + $0) }
                switch header.color {
                case .palette:
                    let (palette, entry) = (palette ?? [], pixel[0])
                    guard 3 * entry < palette.count else {
                        throw FormatError(
                            .malformed,
                            "the pixel of row \(row), column \(column) has the colour \(entry), the palette has \(palette.count / 3)"
                        )
                    }
                    let opacity = transparency.map { entry < $0.count ? Int($0[entry]) : 255 } ?? 255
                    for channel in 0..<3 { values.append(Float(Int(palette[3 * entry + channel]) * opacity) / 255) }
                case .gray, .rgb:
                    let isHidden = hidden == pixel
                    for value in pixel { values.append(isHidden ? 0 : Float(255 * value) / Float(header.maximum)) }
                case .grayAlpha, .rgbAlpha:
                    let opacity = Float(pixel[samples - 1]) / Float(header.maximum)
                    for value in pixel.dropLast() {
                        values.append(Float(255 * value) / Float(header.maximum) * opacity)
                    }
                }
            }
        }
        return values
    }

    /// The colour of tRNS that is transparent; nil without one, and for palettes.
    private func transparentColor(_ header: PNGHeader) -> [Int]? {
        guard let transparency, header.color == .gray || header.color == .rgb else { return nil }
        return (0..<header.color.samples).map {
            (Int(transparency[2 * $0]) << 8 | Int(transparency[2 * $0 + 1])) & header.maximum
        }
    }
}

/// The number of big-endian bytes.
private func bigEndian(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
