import HTTPCore

/// Where a server listens.
package enum ListeningEndpoint: Sendable, Equatable {
    /// A name or address, where `::` takes IPv4 too; port 0 takes any free one.
    case tcp(host: String, port: Int)
    /// A Unix socket that only its owner and, with `0o660`, its group may connect to.
    case unix(path: String, permissions: UInt32)
    /// A listening socket that the process was started with.
    case inherited(descriptor: Int32)
}

/// Where and within which bounds a server serves.
package struct ServerConfiguration: Sendable {
    package var endpoint = ListeningEndpoint.tcp(host: "127.0.0.1", port: 0)
    package var limits = HTTPLimits()
    package var timeouts = HTTPTimeouts()
    /// One more is answered 503 and closed.
    package var maxConnections = 1024
    /// Serial queues among which connections are divided.
    package var queueCount = 2
    /// How long a draining server still accepts, so that whoever sends it clients can notice.
    package var drainDelay: Duration = .zero

    package init() {}
}

/// Why a server did not start.
package enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidPort(Int)
    /// The resolver's own words.
    case unknownHost(String, reason: String)
    /// A Unix socket's path has a length that no address holds.
    case invalidPath(String)
    case cannotListen(address: String, SystemError)
    case cannotWatch(SystemError)
    case alreadyStarted

    package var description: String {
        switch self {
        case .invalidPath(let path): "a socket's path has 1 to 107 bytes, not '\(path)'"
        case .invalidPort(let port): "port \(port) is not within 0 to 65535"
        case .unknownHost(let host, let reason): "host '\(host)' is not known: \(reason)"
        case .cannotListen(let address, let error): "cannot listen on \(address): \(error)"
        case .cannotWatch(let error): "cannot watch connections: \(error)"
        case .alreadyStarted: "the server was started before"
        }
    }
}
