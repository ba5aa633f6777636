import Clocks

extension ConnectionState {
    /// Checks the timeouts; to be called periodically, with a period well below the shortest timeout.
    package mutating func tick(at now: Moment) {
        switch phase {
        case .closed: return
        case .lingering(let since):
            if now.instant - since >= timeouts.lingerTotal || now.instant - lastReceived >= timeouts.lingerQuiet {
                close(.lingered)
            }
        case .open:
            if !output.isEmpty, now.instant - lastSent >= writeStall {
                hangUp(.writeStalled, at: now)
            } else if let bodyStarted {
                checkBody(startedAt: bodyStarted, at: now)
            } else if let headStarted {
                if now.instant - headStarted >= timeouts.header {
                    fail(.headerTimeout(after: timeouts.header), at: now)
                }
            } else if isQuiet {
                checkIdle(at: now)
            }
        }
    }

    /// The server is about to stop: closes now if no request is in progress, else after the last one.
    package mutating func drain(at now: Moment) {
        isDraining = true
        guard phase == .open, intake == .parsing, receiving == .nothing else { return }
        if !exchanges.isEmpty || !output.isEmpty {
            stopParsing()
        } else if isQuiet {
            checkIdle(at: now)
        }
    }

    private var writeStall: Duration {
        isMemoryShort ? min(timeouts.writeStall, timeouts.writeStallWhenShort) : timeouts.writeStall
    }

    private var isQuiet: Bool {
        exchanges.isEmpty && output.isEmpty && receiving == .nothing && intake == .parsing && !parser.isInsideHead
    }

    private mutating func checkIdle(at now: Moment) {
        let isNew = nextNumber == 0
        if isDraining {
            if !isNew || now.instant - opened >= timeouts.newConnectionGrace { close(.drained) }
        } else if now.instant - quietSince >= (isNew ? timeouts.header : timeouts.idle) {
            close(.idle)
        }
    }

    private mutating func checkBody(startedAt start: Instant, at now: Moment) {
        let elapsed = now.instant - start
        if elapsed >= timeouts.body {
            fail(.bodyTimeout("the request's body was not complete within \(timeouts.body)"), at: now)
        } else if elapsed >= timeouts.bodyRateGrace, timeouts.minimumBodyBytesPerSecond > 0 {
            let required = Double(timeouts.minimumBodyBytesPerSecond) * (elapsed / .seconds(1))
            guard Double(bodyBytes) < required else { return }
            fail(
                .bodyTimeout(
                    "the request's body came slower than \(timeouts.minimumBodyBytesPerSecond) bytes a second"),
                at: now)
        }
    }
}
