import Clocks

/// One request of a connection and its answer.
struct Exchange: Sendable {
    enum Progress {
        /// Its body is still arriving.
        case receiving
        /// With the handler.
        case waiting
        /// Behind an earlier answer.
        case answered(Response)
        /// Its last byte is the `end`th that the connection sends.
        case sending(end: Int)
    }

    let number: Int
    /// Absent when no request could be understood.
    let head: RequestHead?
    let id: String
    let received: Instant
    var progress: Progress
    var bytesIn = 0
    /// The client holds its body back until it is told to go on.
    var owesContinue = false
    /// What is known once the response is on its way.
    var status = 0
    var bytesOut = 0
    var route: String?
    var reason: String?

    var isUnanswered: Bool {
        switch progress {
        case .receiving, .waiting: true
        case .answered, .sending: false
        }
    }

    /// Bytes of its body, or of an answer that is not in the output yet.
    var heldBytes: Int {
        switch progress {
        case .receiving, .waiting: bytesIn
        case .answered(let response): response.body.count
        case .sending: 0
        }
    }

    var isSending: Bool {
        if case .sending = progress { true } else { false }
    }

    /// How it ended; `cut` says why it did so early.
    func record(peer: String, sent: Int, cut: CloseReason?, at now: Instant) -> AccessRecord {
        var record = AccessRecord(
            head: head, status: 499, bytesIn: bytesIn, bytesOut: 0,
            duration: now - received, peer: peer, id: id, route: route, reason: cut?.rawValue ?? reason)
        if case .sending(let end) = progress {
            record.status = status
            record.bytesOut = max(0, bytesOut - max(0, end - sent))
        }
        return record
    }
}
