import Dispatch
import Glibc
import HTTPCore
import Logging
import Synchronization

/// The result of draining or stopping a server.
package struct DrainReport: Sendable, Equatable {
    /// Connections that were closed before their response was sent.
    package var cut = 0
}

/// An HTTP/1.1 server: one listener, and connections distributed over a few event loops on which nothing may block.
package final class Server: Sendable {
    private enum Phase { case ready, running, draining, stopped }

    private struct State {
        var phase = Phase.ready
        var listener: Listener?
        var connections = 0
        /// Connections beyond the limit, which get 503 and are closed.
        var refusals = 0
        var nextQueue = 0
        var report = DrainReport()
        var completions: [@Sendable (DrainReport) -> Void] = []
    }

    /// The most refusals at a time; further connections are closed without a response.
    private static let maxRefusals = 64

    private let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private let logger: Logger
    private let queues: [IOQueue]
    /// For deadlines of draining; a shared queue could be blocked by other work.
    private let control = DispatchQueue(label: "http.control")
    private let state = Mutex(State())

    /// - Throws: where no file descriptor is left for the event loops.
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

    /// The number of open connections, without those being refused.
    package var connectionCount: Int { state.withLock { $0.connections } }

    /// Whether `drain` or `stop` was called.
    package var isDraining: Bool { state.withLock { $0.phase == .draining || $0.phase == .stopped } }

    /// Binds, listens and starts to serve. A server can be started once.
    /// - Returns: the address that it is bound to.
    @discardableResult
    package func start() throws(ServerError) -> SocketAddress {
        guard state.withLock({ $0.phase == .ready }) else { throw .alreadyStarted }
        // `send` is called with MSG_NOSIGNAL; this covers the other pipes and sockets that the process writes to.
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

    /// Stops accepting after the configured delay, closes idle connections, answers the requests that have arrived, and
    /// calls `completion` when the last connection has closed.
    /// - Parameter deadline: the time after the delay at which the remaining connections are closed.
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

    /// Closes all connections now, then calls `completion`.
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

    /// Calls `completion` when every event loop and the listener have run a task: the health check of a watchdog, since a
    /// blocked loop runs none.
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

    /// Calls the completions if no connection is left.
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
