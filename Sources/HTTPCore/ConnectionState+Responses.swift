import HTTPTypes

extension ConnectionState {
    /// The answer to an exchange, from the handler or rendered from an error. Answers that come twice, or too late,
    /// have no effect; one that exceeds the memory limit becomes an error.
    package mutating func reply(to number: Int, with response: Response, at now: Moment) {
        guard phase == .open, let index = index(of: number), case .waiting = exchanges[index].progress else { return }
        // Responses to requests without a body, and errors, are always small.
        guard exchanges[index].bytesIn == 0 || response.status.kind != .successful || hasRoom(for: response.body.count)
        else {
            let exchange = exchanges[index]
            actions.append(.fail(exchange: number, error: .overloaded, head: exchange.head, id: exchange.id))
            return
        }
        exchanges[index].progress = .answered(response)
        if response.closesConnection {
            stopParsing()
            receiving = .nothing
            bodyStarted = nil
            for later in exchanges[(index + 1)...] {
                if later.isUnanswered { actions.append(.cancel(exchange: later.number)) }
                actions.append(
                    .finished(later.record(peer: peer, sent: output.sent, cut: .answered, at: now.instant)))
            }
            exchanges.removeSubrange((index + 1)...)
        }
        flush(at: now)
    }

    /// Moves the answers that are next in order to the output.
    mutating func flush(at now: Moment) {
        while let index = exchanges.firstIndex(where: { !$0.isSending }) {
            guard case .answered(let response) = exchanges[index].progress else {
                if exchanges[index].owesContinue {
                    exchanges[index].owesContinue = false
                    bodyStarted = now.instant
                    send([ResponseSerializer.continueResponse], at: now)
                }
                return
            }
            let exchange = exchanges[index]
            let context = ResponseSerializer.Context(
                requestID: exchange.id, unixSeconds: now.unixMilliseconds / 1000,
                isHead: exchange.head?.method == "HEAD", minorVersion: exchange.head?.minorVersion ?? 1,
                closes: intake != .parsing && index == exchanges.count - 1)
            let before = output.enqueued
            send(serializer.serialize(response, context), at: now)
            exchanges[index].status = response.status.code
            exchanges[index].reason = response.reason
            exchanges[index].bytesOut = output.enqueued - before
            exchanges[index].progress = .sending(end: output.enqueued)
        }
    }

    private mutating func send(_ pieces: [[UInt8]], at now: Moment) {
        if output.isEmpty { lastSent = now.instant }
        for piece in pieces { output.append(piece) }
    }

    /// The first `count` bytes of `output` have gone.
    package mutating func wrote(_ count: Int, at now: Moment) {
        guard phase == .open, count > 0 else { return }
        lastSent = now.instant
        output.consume(count)
        while let first = exchanges.first, case .sending(let end) = first.progress, end <= output.sent {
            exchanges.removeFirst()
            actions.append(.finished(first.record(peer: peer, sent: output.sent, cut: nil, at: now.instant)))
        }
        settle(at: now)
    }
}
