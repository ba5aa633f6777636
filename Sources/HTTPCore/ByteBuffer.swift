/// Received bytes that are not parsed yet. Reading advances an offset and a search is never repeated, so a head that
/// arrives byte by byte costs no more than one that arrives at once. The consumed front is removed when it is longer
/// than the rest.
struct ByteBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0
    /// Up to where the end of the current line has been searched for.
    private var searched = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }
    var first: UInt8? { isEmpty ? nil : bytes[start] }

    mutating func append(_ new: ArraySlice<UInt8>) {
        if isEmpty {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 131_072)
            start = 0
            searched = 0
        } else if start > 16_384, start > count {
            bytes.removeSubrange(..<start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: new)
    }

    /// Takes up to `limit` bytes.
    mutating func take(upTo limit: Int) -> ArraySlice<UInt8> {
        let end = start + min(limit, count)
        defer {
            start = end
            searched = end
        }
        return bytes[start..<end]
    }

    mutating func removeAll() {
        bytes = []
        start = 0
        searched = 0
    }

    enum Line {
        /// The line without its line end, which is consumed too.
        case complete(ArraySlice<UInt8>)
        case incomplete
        /// Longer than the limit; the bytes up to it.
        case tooLong(ArraySlice<UInt8>)
    }

    /// Takes a line that ends in CR LF. Bytes are checked strictly in order, so the result does not depend on how many
    /// have arrived.
    mutating func takeLine(limit: Int) throws(HTTPParseError) -> Line {
        while searched < bytes.count {
            let byte = bytes[searched]
            if byte == ASCII.lineFeed { throw .malformed("a line ends in LF alone, not in CR LF") }
            if byte == ASCII.carriageReturn {
                guard searched + 1 < bytes.count else { return .incomplete }
                guard bytes[searched + 1] == ASCII.lineFeed else { throw .malformed("a CR without its LF") }
                let line = bytes[start..<searched]
                start = searched + 2
                searched = start
                return .complete(line)
            }
            if searched - start >= limit { return .tooLong(bytes[start..<searched]) }
            searched += 1
        }
        return .incomplete
    }
}
