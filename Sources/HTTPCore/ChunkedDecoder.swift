/// Decodes the chunked transfer coding (RFC 9112 section 7.1). Accepts only what its grammar allows.
struct ChunkedDecoder: Sendable {
    enum Output {
        case data(ArraySlice<UInt8>)
        case incomplete
        case end
    }

    private enum State {
        case size
        case data(remaining: Int)
        case dataEnd
        case trailer
    }

    private static let maxSizeDigits = 16

    private let limits: HTTPLimits
    private var state = State.size
    private var bodyBytes = 0
    private var chunks = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// The next piece of the body. The body limit is checked against a chunk's declared size, before its data arrives.
    mutating func next(from buffer: inout ByteBuffer, bodyLimit: Int) throws(HTTPParseError) -> Output {
        while true {
            switch state {
            case .size:
                guard let size = try takeSize(from: &buffer) else { return .incomplete }
                guard size <= bodyLimit - bodyBytes else { throw .bodyTooLarge(limit: bodyLimit) }
                bodyBytes += size
                if size > 0 {
                    chunks += 1
                    guard chunks <= limits.maxChunks else { throw .framing("more than \(limits.maxChunks) chunks") }
                }
                state = size == 0 ? .trailer : .data(remaining: size)
            case .data(let remaining):
                guard !buffer.isEmpty else { return .incomplete }
                let piece = buffer.take(upTo: remaining)
                state = piece.count == remaining ? .dataEnd : .data(remaining: remaining - piece.count)
                return .data(piece)
            case .dataEnd:
                switch try takeLine(from: &buffer, limit: 0) {
                case .incomplete: return .incomplete
                case .tooLong: throw .framing("a chunk's data is longer than its size")
                case .complete: state = .size
                }
            case .trailer:
                guard try takeTrailer(from: &buffer) else { return .incomplete }
                return .end
            }
        }
    }

    private mutating func takeSize(from buffer: inout ByteBuffer) throws(HTTPParseError) -> Int? {
        let limit = Self.maxSizeDigits + limits.maxChunkExtensionBytes - extensionBytes
        switch try takeLine(from: &buffer, limit: limit) {
        case .incomplete: return nil
        case .tooLong: throw .framing("a chunk's size line or the extensions of all chunks are too long")
        case .complete(let line):
            let digits = line.prefix { ASCII.hexValue($0) != nil }
            guard !digits.isEmpty, digits.count <= Self.maxSizeDigits else {
                throw .framing("a chunk's size must be 1 to \(Self.maxSizeDigits) hexadecimal digits")
            }
            let rest = line[digits.endIndex...]
            guard ChunkExtension.isValid(rest) else {
                throw .framing("after a chunk's size only ';name=value' may follow, not \(ASCII.quoted(rest))")
            }
            extensionBytes += rest.count
            guard extensionBytes <= limits.maxChunkExtensionBytes else {
                throw .framing("the extensions of all chunks are too long")
            }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else {
                throw .framing("a chunk's size is out of range")
            }
            return size
        }
    }

    /// Reads and drops the trailer fields, so that they cannot change what the head said.
    private mutating func takeTrailer(from buffer: inout ByteBuffer) throws(HTTPParseError) -> Bool {
        while true {
            switch try takeLine(from: &buffer, limit: max(0, limits.maxTrailerBytes - trailerBytes)) {
            case .incomplete: return false
            case .tooLong: throw .trailerTooLarge(limit: limits.maxTrailerBytes)
            case .complete(let line):
                if line.isEmpty { return true }
                trailerBytes += line.count + 2
                guard trailerBytes <= limits.maxTrailerBytes else {
                    throw .trailerTooLarge(limit: limits.maxTrailerBytes)
                }
                _ = try FieldLine.parse(line)
            }
        }
    }

    /// A line of the coding. A wrong line end in it is a framing error.
    private func takeLine(from buffer: inout ByteBuffer, limit: Int) throws(HTTPParseError) -> ByteBuffer.Line {
        do throws(HTTPParseError) {
            return try buffer.takeLine(limit: limit)
        } catch {
            if case .malformed(let detail) = error { throw .framing(detail + " in a chunked body") }
            throw error
        }
    }
}

/// `*( ";" name [ "=" ( token / quoted-string ) ] )`, without the optional white space that RFC 9112 forbids senders.
enum ChunkExtension {
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            guard rest.first == UInt8(ascii: ";") else { return false }
            rest = rest.dropFirst()
            guard takeToken(&rest) else { return false }
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            let valid = rest.first == UInt8(ascii: "\"") ? takeQuoted(&rest) : takeToken(&rest)
            guard valid else { return false }
        }
        return true
    }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let token = rest.prefix(while: ASCII.isToken)
        rest = rest[token.endIndex...]
        return !token.isEmpty
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest = rest.dropFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = rest.popFirst(), ASCII.isFieldValue(escaped) else { return false }
            } else if !ASCII.isFieldValue(byte) {
                return false
            }
        }
        return false
    }
}
