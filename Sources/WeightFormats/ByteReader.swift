/// Reads bytes from front to back; reading past the end throws `malformed`.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    /// What is being read, for messages; evaluated only for an error.
    private let subject: () -> String
    /// Index of the next byte in the underlying array.
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>, of subject: @autoclosure @escaping () -> String) {
        self.bytes = bytes
        self.subject = subject
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }
    /// Bytes read so far.
    var offset: Int { position - bytes.startIndex }
    /// The bytes not yet read.
    var rest: ArraySlice<UInt8> { bytes[position...] }

    mutating func byte() throws(FormatError) -> UInt8 {
        guard position < bytes.endIndex else { throw cutShort(1) }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func take(_ count: Int) throws(FormatError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw cutShort(count) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func skip(_ count: Int) throws(FormatError) {
        guard count >= 0, count <= remaining else { throw cutShort(count) }
        position += count
    }

    mutating func littleEndian<Integer: FixedWidthInteger>(_ type: Integer.Type) throws(FormatError) -> Integer {
        var value: Integer = 0
        for byte in try take(Integer.bitWidth / 8).reversed() {
            value = value << 8 | Integer(truncatingIfNeeded: byte)
        }
        return value
    }

    /// The bytes before the next `terminator`, which is consumed too.
    /// - Parameter limit: the most bytes to search, the terminator included.
    mutating func line(terminator: UInt8, limit: Int) throws(FormatError) -> ArraySlice<UInt8> {
        guard let end = rest.prefix(limit).firstIndex(of: terminator) else {
            throw FormatError(.malformed, "\(subject()): no line end within \(limit) bytes of byte \(offset)")
        }
        defer { position = end + 1 }
        return bytes[position..<end]
    }

    private func cutShort(_ count: Int) -> FormatError {
        FormatError(
            .malformed, "\(subject()): ends at byte \(bytes.count), but byte \(offset) asks for \(count) more")
    }
}
