import Clocks

/// One request of a connection and its answer.
struct Exchange: Sendable {
    enum Progress {
        /// Its body is still arriving.
        case receiving
        /// With the handler.
        case waiting
        /// Answered, behind an earlier answer that is not sent yet.
        case answered(Response)
        /// In the output; its last byte is the `end`th that the connection sends.
        case sending(end: Int)
    }

    let number: Int
    /// Nil when no request could be parsed.
    let head: RequestHead?
    let id: String
    let received: Instant
    var progress: Progress
    var bytesIn = 0
    /// The client waits for `100 Continue` before it sends its body.
    var owesContinue = false
    /// Set once the response is in the output.
    var status = 0
    var bytesOut = 0
    var reason: String?
    /// What the handler returned with the admission.
    var context: (any RequestContext)?

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

    /// The access record; `cut` says why the exchange ended early.
    func record(peer: String, sent: Int, cut: CloseReason?, at now: Instant) -> AccessRecord {
        var record = AccessRecord(
            head: head, status: 499, bytesIn: bytesIn, bytesOut: 0,
            duration: now - received, peer: peer, id: id, reason: cut?.rawValue ?? reason,
            context: context)
        if case .sending(let end) = progress {
            record.status = status
            record.bytesOut = max(0, bytesOut - max(0, end - sent))
        }
        return record
    }
}
