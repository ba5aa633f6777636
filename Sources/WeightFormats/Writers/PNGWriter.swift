/// Writes 8-bit PNG pictures (ISO/IEC 15948), without filters.
package enum PNGWriter {
    /// The PNG colour types without transparency.
    package enum Color: UInt8, Sendable {
        case gray = 0
        case rgb = 2

        package var channels: Int { self == .gray ? 1 : 3 }
    }

    /// - Parameter pixels: (height, width, channels), row-major.
    /// - Throws: `malformed` unless there are `width` × `height` pixels, at least one.
    package static func write(
        _ pixels: [UInt8], width: Int, height: Int, color: Color
    ) throws(FormatError) -> [UInt8] {
        let (row, rowOverflow) = width.multipliedReportingOverflow(by: color.channels)
        let (size, overflow) = row.multipliedReportingOverflow(by: height)
        guard width > 0, height > 0, let wide = UInt32(exactly: width), let high = UInt32(exactly: height),
            !rowOverflow, !overflow, size == pixels.count
        else {
            throw FormatError(
                .malformed, "\(pixels.count) bytes for a picture of \(width)×\(height)×\(color.channels)")
        }
        var header: [UInt8] = []
        header.append(bigEndian: wide)
        header.append(bigEndian: high)
        header += [8, color.rawValue, 0, 0, 0]

        var lines: [UInt8] = []
        lines.reserveCapacity(size + height)
        for start in stride(from: 0, to: size, by: row) {
            lines.append(0)
            lines += pixels[start..<start + row]
        }

        var bytes: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        appendChunk("IHDR", header, to: &bytes)
        appendChunk("IDAT", try Deflater.deflate(lines, wrapping: .zlib), to: &bytes)
        appendChunk("IEND", [], to: &bytes)
        return bytes
    }

    /// Appends a chunk. Its length fits 32 bits, because `Deflater` refuses larger data.
    private static func appendChunk(_ type: String, _ content: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: content.count))
        let start = bytes.count
        bytes += type.utf8
        bytes += content
        bytes.append(bigEndian: crc32(bytes[start...]))
    }
}
