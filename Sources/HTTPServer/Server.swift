import Dispatch
import Glibc
import HTTPCore
import Logging
import Synchronization

/// How a server ended.
package struct DrainReport: Sendable, Equatable {
    /// Connections that were closed before their answer was out.
    package var cut = 0
}

/// An HTTP/1.1 server: one listener, and connections divided among a few event loops on which nothing ever blocks.
package final class Server: Sendable {
    private enum Phase { case ready, running, draining, stopped }

    private struct State {
        var phase = Phase.ready
        var listener: Listener?
        var connections = 0
        /// Connections that are being told that there are too many.
        var refusals = 0
        var nextQueue = 0
        var report = DrainReport()
        var completions: [@Sendable (DrainReport) -> Void] = []
    }

    /// Refusals at a time; beyond it a connection is closed without a word.
    private static let maxRefusals = 64

    private let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private let logger: Logger
    private let queues: [IOQueue]
    /// For what is to happen later; a shared queue could be busy just then.
    private let control = DispatchQueue(label: "http.control")
    private let state = Mutex(State())

    package init(
        configuration: ServerConfiguration, handler: any RequestHandler, logger: Logger
    ) throws(ServerError) {
        self.configuration = configuration
        self.handler = handler
        self.logger = logger
        do throws(SystemError) {
            queues = try (0..<max(1, configuration.queueCount)).map { index throws(SystemError) in
                try IOQueue(index: index, configuration: configuration, handler: handler)
            }
        } catch {
            throw .cannotWatch(error)
        }
    }

    /// Connections that are open now, without those being refused.
    package var connectionCount: Int { state.withLock { $0.connections } }

    /// Whether `drain` or `stop` was called.
    package var isDraining: Bool { state.withLock { $0.phase == .draining || $0.phase == .stopped } }

    /// Binds, listens and serves; returns the address it is bound to. A server starts once.
    @discardableResult
    package func start() throws(ServerError) -> SocketAddress {
        guard state.withLock({ $0.phase == .ready }) else { throw .alreadyStarted }
        // Sending already asks for no signal; this covers whatever else the process writes to.
        signal(SIGPIPE, SIG_IGN)
        let socket = try ListeningSocket(configuration.endpoint)
        let listener = Listener(socket, logger: logger) { [self] in accepted($0) }
        let isFirst = state.withLock { state in
            guard state.phase == .ready else { return false }
            state.phase = .running
            state.listener = listener
            return true
        }
        guard isFirst else {
            socket.close()
            throw .alreadyStarted
        }
        for queue in queues { queue.start() }
        listener.start()
        return socket.address
    }

    /// Stops accepting after the configured delay, closes what is idle, finishes what is under way, and calls
    /// `completion` when the last connection is gone. After `deadline`, counted from the end of the delay, it cuts
    /// what is left.
    package func drain(deadline: Duration, completion: @escaping @Sendable (DrainReport) -> Void) {
        let isFirst = state.withLock { state in
            state.completions.append(completion)
            guard state.phase == .running else {
                if state.phase == .ready { state.phase = .stopped }
                return false
            }
            state.phase = .draining
            return true
        }
        guard isFirst else { return completeIfDone() }
        logger.info("draining", metadata: ["connections": .stringConvertible(connectionCount)])
        control.asyncAfter(deadline: .now() + .nanoseconds(configuration.drainDelay.nanoseconds)) {
            [self] in
            stopAccepting { [self] in
                for queue in queues { queue.drain() }
                control.asyncAfter(deadline: .now() + .nanoseconds(deadline.nanoseconds)) { [self] in
                    cut()
                }
            }
        }
    }

    /// Closes everything now; `completion` follows at once.
    package func stop(completion: @escaping @Sendable (DrainReport) -> Void = { _ in }) {
        let wasServing = state.withLock { state in
            state.completions.append(completion)
            let wasServing = state.phase == .running || state.phase == .draining
            state.phase = wasServing ? .draining : .stopped
            return wasServing
        }
        guard wasServing else { return completeIfDone() }
        stopAccepting { [self] in cut() }
    }

    /// Calls `completion` once every queue that the server runs on has taken a turn, which a stuck one never does:
    /// the heartbeat for a watchdog.
    package func confirmProgress(_ completion: @escaping @Sendable () -> Void) {
        let turns = DispatchGroup()
        for queue in queues {
            turns.enter()
            queue.loop.perform { turns.leave() }
        }
        state.withLock { $0.listener }?.queue.async(group: turns) {}
        turns.notify(queue: control, execute: completion)
    }

    private func stopAccepting(then next: @escaping @Sendable () -> Void) {
        guard let listener = state.withLock({ $0.listener }) else { return next() }
        listener.close { [self] in
            state.withLock { $0.listener = nil }
            next()
            completeIfDone()
        }
    }

    private func cut() {
        for queue in queues {
            queue.cut { [self] count in
                state.withLock { $0.report.cut += count }
                completeIfDone()
            }
        }
    }

    private func accepted(_ socket: AcceptedSocket) {
        let (queue, isRefused) = state.withLock { state -> (Int?, Bool) in
            let isRefused = state.connections >= configuration.maxConnections
            if isRefused {
                guard state.refusals < Self.maxRefusals else { return (nil, true) }
                state.refusals += 1
            } else {
                state.connections += 1
            }
            state.nextQueue = (state.nextQueue + 1) % queues.count
            return (state.nextQueue, isRefused)
        }
        guard let queue else {
            close(socket.descriptor)
            return
        }
        let refusal = isRefused ? HTTPError.tooManyConnections(limit: configuration.maxConnections) : nil
        queues[queue].adopt(socket, refusal: refusal) { [self] in
            state.withLock { state in
                if isRefused { state.refusals -= 1 } else { state.connections -= 1 }
            }
            completeIfDone()
        }
    }

    /// Calls the completions once nothing is left.
    private func completeIfDone() {
        let (completions, report) = state.withLock { state in
            let isServing = state.phase == .ready || state.phase == .running || state.listener != nil
            guard !isServing, state.connections == 0, state.refusals == 0 else {
                return ([@Sendable (DrainReport) -> Void](), state.report)
            }
            state.phase = .stopped
            defer { state.completions = [] }
            return (state.completions, state.report)
        }
        guard !completions.isEmpty else { return }
        for queue in queues { queue.stop() }
        for completion in completions { completion(report) }
    }
}
