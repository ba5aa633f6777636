/// Bytes to send, in order.
package struct OutputQueue: Sendable {
    private var pieces: [[UInt8]] = []
    private var offset = 0
    /// Bytes ever enqueued.
    private(set) var enqueued = 0
    /// Bytes ever sent.
    private(set) var sent = 0

    /// Whether everything has been sent.
    package var isEmpty: Bool { pieces.isEmpty }

    /// Bytes that wait to be sent.
    var waiting: Int { enqueued - sent }

    /// The bytes to send next, not copied.
    package var next: ArraySlice<UInt8>? { pieces.first?[offset...] }

    /// Whether more follows what `next` gives.
    package var hasMore: Bool { pieces.count > 1 }

    mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        pieces.append(piece)
        enqueued += piece.count
    }

    /// Records that the first `count` bytes have been sent.
    mutating func consume(_ count: Int) {
        var left = min(count, enqueued - sent)
        sent += left
        while left > 0, let first = pieces.first {
            let rest = first.count - offset
            if left < rest {
                offset += left
                return
            }
            left -= rest
            offset = 0
            pieces.removeFirst()
        }
    }

    mutating func removeAll() {
        pieces = []
        offset = 0
        enqueued = sent
    }
}
