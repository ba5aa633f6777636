/// A binary PGM or PPM picture (P5 or P6 of netpbm) with 8 bits for each sample.
struct PNMFile {
    let height: Int
    let width: Int
    /// 1 for P5, 3 for P6.
    let channels: Int
    /// (height, width, channels)
    let bytes: ArraySlice<UInt8>

    /// Whether a file begins with P5 or P6.
    static func matches(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 2 && bytes[0] == UInt8(ascii: "P")
            && (bytes[1] == UInt8(ascii: "5") || bytes[1] == UInt8(ascii: "6"))
    }

    /// Reads a file with sides of 1 to 4096 and a largest value of 255.
    init(_ file: [UInt8]) throws(DatasetError) {
        guard Self.matches(file) else { throw DatasetError("expected a binary PGM or PPM file (P5 or P6)") }
        channels = file[1] == UInt8(ascii: "5") ? 1 : 3
        var next = 2
        width = try Self.number(file, &next, in: 1...4096, "width")
        height = try Self.number(file, &next, in: 1...4096, "height")
        _ = try Self.number(file, &next, in: 255...255, "largest value")
        next += 1
        guard next <= file.count, file.count - next >= width * height * channels else {
            throw DatasetError(
                "\(width) × \(height) × \(channels) needs \(width * height * channels) bytes, the file has \(max(0, file.count - next))"
            )
        }
        bytes = file[next..<next + width * height * channels]
    }

    /// Reads the next decimal number after white space and comments.
    /// - Throws: where there is none, or it is not within `bounds`.
    private static func number(
        _ file: [UInt8], _ next: inout Int, in bounds: ClosedRange<Int>, _ name: String
    ) throws(DatasetError) -> Int {
        while next < file.count, file[next] <= UInt8(ascii: " ") || file[next] == UInt8(ascii: "#") {
            if file[next] == UInt8(ascii: "#") {
                while next < file.count, file[next] != UInt8(ascii: "\n") { next += 1 }
            } else {
                next += 1
            }
        }
        var value = 0
        var digits = 0
        while next < file.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(file[next]), digits < 6 {
            value = 10 * value + Int(file[next] - UInt8(ascii: "0"))
            next += 1
            digits += 1
        }
        guard digits > 0, bounds.contains(value) else {
            let expected = bounds.count == 1 ? "\(bounds.lowerBound)" : "\(bounds.lowerBound) to \(bounds.upperBound)"
            throw DatasetError("\(name): expected \(expected), received \(digits > 0 ? "\(value)" : "none")")
        }
        return value
    }
}
