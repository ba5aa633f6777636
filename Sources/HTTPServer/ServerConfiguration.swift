import HTTPCore

/// Where a server listens.
package enum ListeningEndpoint: Sendable, Equatable {
    /// A host name or address; `::` accepts IPv4 too, and port 0 chooses a free one.
    case tcp(host: String, port: Int)
    /// A Unix socket with the file mode `permissions`: `0o600` for its owner, `0o660` for its group too.
    case unix(path: String, permissions: UInt32)
    /// A listening socket that was passed to the process.
    case inherited(descriptor: Int32)
}

/// Address and limits of a server.
package struct ServerConfiguration: Sendable {
    package var endpoint = ListeningEndpoint.tcp(host: "127.0.0.1", port: 0)
    package var limits = HTTPLimits()
    package var timeouts = HTTPTimeouts()
    /// The most open connections; further ones get 503 and are closed.
    package var maxConnections = 1024
    /// The number of event loops.
    package var queueCount = 2
    /// How long a draining server still accepts connections, so that a load balancer can notice that it is not ready.
    package var drainDelay: Duration = .zero

    package init() {}
}

/// Why a server did not start.
package enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidPort(Int)
    /// `reason` is getaddrinfo's error text.
    case unknownHost(String, reason: String)
    /// The path of a Unix socket is empty, or too long for `sun_path`.
    case invalidPath(String)
    case cannotListen(address: String, SystemError)
    case cannotWatch(SystemError)
    case alreadyStarted

    package var description: String {
        switch self {
        case .invalidPath(let path): "path of a Unix socket: expected 1 to 107 bytes, received '\(path)'"
        case .invalidPort(let port): "port: expected 0 to 65535, received \(port)"
        case .unknownHost(let host, let reason): "cannot resolve host '\(host)': \(reason)"
        case .cannotListen(let address, let error): "cannot listen on \(address): \(error)"
        case .cannotWatch(let error): "cannot create an event loop: \(error)"
        case .alreadyStarted: "the server has already been started"
        }
    }
}
