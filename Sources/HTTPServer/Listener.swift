import Dispatch
import Logging

/// Accepts connections until it is closed. Where the process or the system runs out of descriptors or memory, it pauses for
/// 200 ms and tries again.
///
/// `@unchecked Sendable`: confined to `queue`.
final class Listener: @unchecked Sendable {
    private static let pause = DispatchTimeInterval.milliseconds(200)

    let queue = DispatchQueue(label: "http.accept")
    private let socket: ListeningSocket
    private let logger: Logger
    private let accept: @Sendable (Int32) -> ListeningSocket.Accepted
    private let accepted: @Sendable (AcceptedSocket) -> Void
    private var source: (any DispatchSourceRead)?
    private var isPaused = false
    /// Whether resources ran out at the last attempt; only the first such attempt is logged.
    private var isExhausted = false
    private var isClosed = false
    /// Whether Dispatch has released the descriptor and it is closed.
    private var isFree = false
    private var whenClosed: [@Sendable () -> Void] = []

    init(
        _ socket: ListeningSocket, logger: Logger,
        accept: @escaping @Sendable (Int32) -> ListeningSocket.Accepted = { ListeningSocket.accept($0) },
        accepted: @escaping @Sendable (AcceptedSocket) -> Void
    ) {
        self.socket = socket
        self.logger = logger
        self.accept = accept
        self.accepted = accepted
    }

    func start() {
        queue.async { [self] in
            guard !isClosed else { return }
            let source = DispatchSource.makeReadSource(fileDescriptor: socket.descriptor, queue: queue)
            source.setEventHandler { [self] in acceptAll() }
            source.setCancelHandler { [self] in descriptorIsFree() }
            self.source = source
            source.activate()
        }
    }

    /// Accepts the connections that are already waiting, then closes the socket.
    func close(whenClosed: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            guard !isFree else { return whenClosed() }
            self.whenClosed.append(whenClosed)
            guard !isClosed else { return }
            if !isPaused { acceptAll() }
            isClosed = true
            guard let source else { return descriptorIsFree() }
            if isPaused { source.resume() }
            source.cancel()
        }
    }

    private func descriptorIsFree() {
        source = nil
        isFree = true
        socket.close()
        for action in whenClosed { action() }
        whenClosed = []
    }

    private func acceptAll() {
        guard !isClosed, !isPaused else { return }
        while true {
            switch accept(socket.descriptor) {
            case .connection(let connection, let address):
                if !socket.address.isUnix { SystemCalls.disableDelay(connection) }
                accepted(AcceptedSocket(descriptor: connection, peer: peer(address)))
            case .none:
                isExhausted = false
                return
            case .exhausted(let error):
                if !isExhausted {
                    logger.warning("out of resources: accepting connections is paused", metadata: ["error": "\(error)"])
                }
                isExhausted = true
                return pauseAccepting()
            }
        }
    }

    /// The client's address; clients of a Unix socket have none.
    private func peer(_ address: SocketAddress?) -> String {
        if socket.address.isUnix { return "unix" }
        return address?.description ?? "unknown"
    }

    private func pauseAccepting() {
        isPaused = true
        source?.suspend()
        queue.asyncAfter(deadline: .now() + Self.pause) { [self] in
            guard isPaused, !isClosed else { return }
            isPaused = false
            source?.resume()
        }
    }
}
