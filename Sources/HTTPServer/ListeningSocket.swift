import CHost
import Glibc

/// A bound, listening, non-blocking stream socket. Its owner must close it.
struct ListeningSocket {
    let descriptor: Int32
    let address: SocketAddress
    /// The path of a Unix socket that was created here and is removed by `close`.
    let ownPath: String?

    static let backlog: Int32 = 4096

    init(_ endpoint: ListeningEndpoint) throws(ServerError) {
        switch endpoint {
        case .tcp(let host, let port): try self.init(host: host, port: port)
        case .unix(let path, let permissions): try self.init(path: path, permissions: permissions)
        case .inherited(let descriptor): try self.init(inherited: descriptor)
        }
    }

    func close() {
        // Before the descriptor is closed: until then no other process replaces the file.
        if let ownPath { unlink(ownPath) }
        Glibc.close(descriptor)
    }

    /// Takes over a socket that is already listening.
    private init(inherited descriptor: Int32) throws(ServerError) {
        var isListening: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening == 1,
            let address = Self.localAddress(descriptor)
        else { throw .cannotListen(address: "descriptor \(descriptor)", .last("getsockopt")) }
        SystemCalls.makeNonBlocking(descriptor)
        self.init(descriptor: descriptor, address: address)
    }

    init(descriptor: Int32, address: SocketAddress, ownPath: String? = nil) {
        self.descriptor = descriptor
        self.address = address
        self.ownPath = ownPath
    }

    static let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

    /// Binds the first address of `host` that can be bound.
    private init(host: String, port: Int) throws(ServerError) {
        var failure = SystemError(call: "getaddrinfo", number: EADDRNOTAVAIL)
        for candidate in try ResolvedAddress.all(host: host, port: port, isListening: true) {
            do throws(SystemError) {
                let (descriptor, address) = try Self.listen(candidate)
                self.init(descriptor: descriptor, address: address)
                return
            } catch {
                failure = error
            }
        }
        throw .cannotListen(address: "\(host):\(port)", failure)
    }

    private static func listen(_ candidate: ResolvedAddress) throws(SystemError) -> (Int32, SocketAddress) {
        let descriptor = socket(candidate.family, type, 0)
        guard descriptor >= 0 else { throw .last("socket") }
        do throws(SystemError) {
            guard SystemCalls.setOption(descriptor, level: SOL_SOCKET, SO_REUSEADDR, to: 1) else {
                throw .last("setsockopt")
            }
            if candidate.family == AF_INET6 {
                _ = SystemCalls.setOption(descriptor, level: Int32(IPPROTO_IPV6), IPV6_V6ONLY, to: 0)
            }
            guard candidate.withPointer({ bind(descriptor, $0, $1) }) == 0 else { throw .last("bind") }
            guard Glibc.listen(descriptor, backlog) == 0 else { throw .last("listen") }
            guard let address = localAddress(descriptor) else { throw .last("getsockname") }
            return (descriptor, address)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func localAddress(_ descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        let status = withSocketAddress(&storage) { getsockname(descriptor, $0, $1) }
        return status == 0 ? SocketAddress(storage) : nil
    }

    enum Accepted {
        case connection(Int32, SocketAddress?)
        case none
        /// Descriptors or memory have run out.
        case exhausted(SystemError)
    }

    /// Accepts the next waiting connection.
    static func accept(_ descriptor: Int32) -> Accepted {
        while true {
            var storage = sockaddr_storage()
            let accepted = withSocketAddress(&storage) { host_accept(descriptor, $0, $1) }
            if accepted >= 0 { return .connection(accepted, SocketAddress(storage)) }
            switch errno {
            case EAGAIN, EWOULDBLOCK: return .none
            // Errors of that one connection, accept(2): the client went away, or its network failed.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                ENETUNREACH, EPERM:
                continue
            default: return .exhausted(.last("accept"))
            }
        }
    }

    /// Passes the storage as the general address type, with its size for the call to overwrite.
    private static func withSocketAddress(
        _ storage: inout sockaddr_storage,
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Int32 {
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            // `sockaddr` is the common beginning of every address type, and the call gets the storage's true size.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &size) }
        }
    }
}
