import HTTPCore

/// The connections of one event loop, and their common read buffer.
///
/// `@unchecked Sendable`: confined to the loop's queue, except for `loop`.
final class IOQueue: @unchecked Sendable {
    private static let scratchBytes = 65_536

    let loop: EventLoop
    /// The buffer that each connection reads into before its state copies the bytes.
    var scratch = [UInt8](repeating: 0, count: IOQueue.scratchBytes)
    /// Bytes of bodies and responses that all its connections hold.
    private var heldBytes = 0
    /// This queue's share of `maxHeldBytes`, but at least two bodies of maximum length.
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

    /// Starts the loop. Deadlines are checked once a second, or four times within the shortest timeout.
    func start() {
        let interval = min(1_000_000_000, max(5_000_000, configuration.timeouts.shortest.nanoseconds / 4))
        loop.start(every: .nanoseconds(interval)) { [self] in
            for connection in connections.values { connection.tick() }
        }
    }

    func stop() { loop.stop() }

    /// Whether the connections hold more bytes than allowed, so that large bodies are refused.
    var isMemoryShort: Bool { heldBytes > maxHeldBytes }

    /// Adds the change in the number of bytes that a connection holds.
    func hold(_ difference: Int) { heldBytes += difference }

    /// Takes over an accepted connection.
    /// - Parameter refusal: sent instead of serving it.
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

    /// Lets every connection answer the requests that have arrived, then close.
    func drain() {
        loop.perform { [self] in
            isDraining = true
            for connection in connections.values { connection.drain() }
        }
    }

    /// Closes every connection at once and reports how many of them lost a response.
    func cut(report: @escaping @Sendable (Int) -> Void) {
        loop.perform { [self] in
            // First, since the server's report is complete when the last connection has closed.
            report(connections.values.count { $0.isBusy })
            for connection in connections.values { connection.cut() }
        }
    }
}
