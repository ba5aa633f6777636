import Clocks

extension ConnectionState {
    /// Whether the connection has as many unfinished requests, or bytes of them, as it may.
    var isBlocked: Bool {
        guard parser.isBetweenRequests, receiving == .nothing else { return false }
        return exchanges.count >= limits.maxPipelined || heldBytes >= limits.maxPipelinedBytes
    }

    /// Advances the parser by one event; false if it needs more bytes or may not go on.
    mutating func parseStep(at now: Moment) -> Bool {
        guard phase == .open, intake == .parsing, !awaitsAdmission, !parser.isIdle else { return false }
        if isBlocked {
            // The header timeout does not run while nothing is read.
            headStarted = nil
            return false
        }
        do throws(HTTPParseError) {
            guard let event = try parser.next() else {
                if headStarted == nil, parser.isInsideHead { headStarted = now.instant }
                return false
            }
            handle(event, at: now)
        } catch {
            fail(error.httpError, at: now)
        }
        return true
    }

    private mutating func handle(_ event: RequestParser.Event, at now: Moment) {
        switch event {
        case .head(let head):
            headStarted = nil
            awaitsAdmission = true
            let id = RequestID.resolve(head.fields, unixMilliseconds: now.unixMilliseconds)
            let number = open(head: head, id: id, received: now.instant, progress: .receiving)
            actions.append(.admit(exchange: number, head: head, id: id))
        case .body(let piece):
            bodyBytes += piece.count
            guard case .body(let number) = receiving, let index = index(of: number) else { return }
            guard hasRoom(for: exchanges[index].bytesIn + piece.count) else { return fail(.overloaded, at: now) }
            body.append(contentsOf: piece)
            exchanges[index].bytesIn += piece.count
        case .end:
            endOfRequest(at: now)
        }
    }

    private mutating func endOfRequest(at now: Moment) {
        let finished = receiving
        receiving = .nothing
        bodyStarted = nil
        if !keepsAlive || isDraining { stopParsing() }
        if case .body(let number) = finished, let index = index(of: number), let head = exchanges[index].head {
            exchanges[index].progress = .waiting
            exchanges[index].owesContinue = false
            let exchange = exchanges[index]
            actions.append(
                .respond(exchange: number, head: head, id: exchange.id, body: body, received: exchange.received))
            body = []
        } else {
            settle(at: now)
        }
    }

    /// The handler's decision on the head that `.admit` named.
    package mutating func admitted(_ number: Int, _ admission: Admission, at now: Moment) {
        guard awaitsAdmission, phase == .open, let index = index(of: number), let head = exchanges[index].head else {
            return
        }
        awaitsAdmission = false
        exchanges[index].context = admission.context
        let isLast = nextNumber >= limits.maxRequestsPerConnection
        keepsAlive = head.keepAlive && !isLast
        bodyBytes = 0
        bodyStarted = head.framing == .none ? nil : now.instant
        switch admission.decision {
        case .accept(let maxBodyBytes, _):
            let limit = max(0, min(maxBodyBytes, limits.maxBodyBytes))
            parser.bodyLimit = limit
            receiving = .body(exchange: number)
            if case .length(let length) = head.framing {
                guard length <= limit else { return }
                guard hasRoom(for: length) else { return fail(.overloaded, at: now) }
                body.reserveCapacity(min(length, 1024 * 1024))
            }
            if head.expectsContinue {
                exchanges[index].owesContinue = true
                bodyStarted = nil
                flush(at: now)
            }
        case .refuse(let response):
            refuse(index, with: response, head: head, at: now)
        }
    }

    func hasRoom(for bodyBytes: Int) -> Bool {
        !isMemoryShort || bodyBytes <= limits.maxBodyBytesWhenShort
    }

    /// Answers before the body. A short body is dropped so that the connection can serve further requests; otherwise
    /// the connection ends. It also ends for a client that waits for `100 Continue`, which may or may not send its body
    /// now.
    private mutating func refuse(_ index: Int, with response: Response, head: RequestHead, at now: Moment) {
        exchanges[index].progress = .answered(response)
        let bodyIsShort =
            switch head.framing {
            case .none: true
            case .length(let length): length <= limits.maxDiscardedBytes && !head.expectsContinue
            case .chunked: false
            }
        if bodyIsShort, keepsAlive, !isDraining, !response.closesConnection {
            receiving = .discarding
        } else {
            receiving = .nothing
            bodyStarted = nil
            stopParsing()
        }
        flush(at: now)
    }

    /// Answers with an error after which the rest of the input cannot be parsed.
    mutating func fail(_ error: HTTPError, at now: Moment) {
        guard phase == .open else { return }
        let received = headStarted ?? now.instant
        headStarted = nil
        bodyStarted = nil
        body = []
        if intake != .ended { stopParsing() }
        let failed = receiving
        receiving = .nothing
        switch failed {
        case .body(let number):
            guard let index = index(of: number) else { return }
            exchanges[index].progress = .waiting
            exchanges[index].owesContinue = false
            let exchange = exchanges[index]
            actions.append(.fail(exchange: number, error: error, head: exchange.head, id: exchange.id))
        case .nothing:
            let id = RequestID.make(unixMilliseconds: now.unixMilliseconds)
            let number = open(head: nil, id: id, received: received, progress: .waiting)
            actions.append(.fail(exchange: number, error: error, head: nil, id: id))
        case .discarding:
            settle(at: now)
        }
    }

    /// Answers with an error before any request is read: for a connection beyond the limit.
    package mutating func refuseConnection(_ error: HTTPError, at now: Moment) {
        fail(error, at: now)
    }

    /// Reads no further request; what the client sends nevertheless is dropped.
    mutating func stopParsing() {
        if intake == .parsing { intake = .ignoring }
    }

    /// What the handler returned with an exchange's admission, while the exchange is unfinished.
    package func context(of number: Int) -> (any RequestContext)? {
        index(of: number).flatMap { exchanges[$0].context }
    }

    func index(of number: Int) -> Int? {
        exchanges.firstIndex { $0.number == number }
    }

    private mutating func open(
        head: RequestHead?, id: String, received: Instant, progress: Exchange.Progress
    ) -> Int {
        let number = nextNumber
        nextNumber += 1
        exchanges.append(Exchange(number: number, head: head, id: id, received: received, progress: progress))
        return number
    }
}
