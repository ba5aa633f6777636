import Dispatch
import HTTPCore

/// One serial queue with the connections that are pinned to it, their poller, timer and common read buffer.
///
/// `@unchecked Sendable`: everything but `queue` is confined to `queue`.
final class IOQueue: @unchecked Sendable {
    private static let scratchBytes = 65_536

    let queue: DispatchQueue
    let poller: Poller
    /// Where every connection of this queue reads into before its state copies the bytes.
    var scratch = [UInt8](repeating: 0, count: IOQueue.scratchBytes)
    private let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var timer: (any DispatchSourceTimer)?
    private var isDraining = false

    init(index: Int, configuration: ServerConfiguration, handler: any RequestHandler) throws(SystemError) {
        queue = DispatchQueue(label: "http.io.\(index)")
        poller = try Poller(queue: queue)
        self.configuration = configuration
        self.handler = handler
    }

    /// Starts to watch, and the timer behind all deadlines: once a second, or as often as a shorter timeout needs.
    func start() {
        queue.async { [self] in
            poller.start()
            let interval = min(1_000_000_000, max(5_000_000, configuration.timeouts.shortest.nanoseconds / 4))
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.schedule(
                deadline: .now() + .nanoseconds(interval), repeating: .nanoseconds(interval),
                leeway: .nanoseconds(interval / 10))
            timer.setEventHandler { [self] in
                for connection in connections.values { connection.tick() }
            }
            self.timer = timer
            timer.activate()
        }
    }

    /// Releases poller and timer, and with them the queue.
    func stop() {
        queue.async { [self] in
            poller.stop()
            timer?.cancel()
            timer = nil
        }
    }

    func adopt(_ accepted: AcceptedSocket, refusal: HTTPError?, whenClosed: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            var key: ObjectIdentifier?
            let connection = Connection(accepted, io: self, configuration: configuration, handler: handler) { [self] in
                if let key { connections[key] = nil }
                whenClosed()
            }
            key = ObjectIdentifier(connection)
            connections[ObjectIdentifier(connection)] = connection
            connection.start(refusal: refusal)
            if isDraining { connection.drain() }
        }
    }

    func drain() {
        queue.async { [self] in
            isDraining = true
            for connection in connections.values { connection.drain() }
        }
    }

    /// Closes every connection at once and reports how many thereby lost an answer.
    func cut(report: @escaping @Sendable (Int) -> Void) {
        queue.async { [self] in
            // Before the last connection is gone, with which the server's report is complete.
            report(connections.values.count { $0.isBusy })
            for connection in connections.values { connection.cut() }
        }
    }
}
