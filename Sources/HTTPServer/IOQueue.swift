import HTTPCore

/// The connections that are pinned to one event loop, and their common read buffer.
///
/// `@unchecked Sendable`: everything but `loop` is confined to the loop's queue.
final class IOQueue: @unchecked Sendable {
    private static let scratchBytes = 65_536

    let loop: EventLoop
    /// Where every connection of this queue reads into before its state copies the bytes.
    var scratch = [UInt8](repeating: 0, count: IOQueue.scratchBytes)
    /// What its connections hold of bodies and answers.
    private var heldBytes = 0
    /// Its share of the limit, but room for two bodies of the longest.
    private let maxHeldBytes: Int
    private let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var isDraining = false

    init(index: Int, configuration: ServerConfiguration, handler: any RequestHandler) throws(SystemError) {
        loop = try EventLoop(label: "http.io.\(index)")
        self.configuration = configuration
        let limits = configuration.limits
        maxHeldBytes = max(limits.maxHeldBytes / max(1, configuration.queueCount), 2 * limits.maxBodyBytes)
        self.handler = handler
    }

    /// Starts the loop. It looks at the deadlines once a second, or as often as a shorter timeout needs.
    func start() {
        let interval = min(1_000_000_000, max(5_000_000, configuration.timeouts.shortest.nanoseconds / 4))
        loop.start(every: .nanoseconds(interval)) { [self] in
            for connection in connections.values { connection.tick() }
        }
    }

    func stop() { loop.stop() }

    var isMemoryShort: Bool { heldBytes > maxHeldBytes }

    /// A connection holds more than it did, or less.
    func hold(_ difference: Int) { heldBytes += difference }

    func adopt(_ accepted: AcceptedSocket, refusal: HTTPError?, whenClosed: @escaping @Sendable () -> Void) {
        loop.perform { [self] in
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
        loop.perform { [self] in
            isDraining = true
            for connection in connections.values { connection.drain() }
        }
    }

    /// Closes every connection at once and reports how many thereby lost an answer.
    func cut(report: @escaping @Sendable (Int) -> Void) {
        loop.perform { [self] in
            // Before the last connection is gone, with which the server's report is complete.
            report(connections.values.count { $0.isBusy })
            for connection in connections.values { connection.cut() }
        }
    }
}
