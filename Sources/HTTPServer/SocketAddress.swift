import Glibc

/// An IPv4 or IPv6 address with its port, or the path of a Unix socket.
package enum SocketAddress: Sendable, Equatable, CustomStringConvertible {
    /// `host` is a numeric address, without brackets.
    case internet(host: String, port: Int)
    case unix(path: String)

    package var description: String {
        switch self {
        case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The port number; nil for a Unix socket.
    package var port: Int? { if case .internet(_, let port) = self { port } else { nil } }
    package var isUnix: Bool { port == nil }
    /// Whether only this machine can connect to it over the network.
    package var isLoopback: Bool {
        if case .internet(let host, _) = self { host == "::1" || host.hasPrefix("127.") } else { false }
    }

    /// Nil for other address families. An IPv4-mapped IPv6 address becomes the IPv4 address.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(storage.ss_family)
        let found: (Bool, UInt16) = withUnsafePointer(to: &storage) { pointer in
            // The storage is as large as any address type, and the family tells which one it holds.
            switch family {
            case AF_INET:
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    var address = $0.pointee.sin_addr
                    return (inet_ntop(family, &address, &text, socklen_t(text.count)) != nil, $0.pointee.sin_port)
                }
            case AF_INET6:
                return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    var address = $0.pointee.sin6_addr
                    return (inet_ntop(family, &address, &text, socklen_t(text.count)) != nil, $0.pointee.sin6_port)
                }
            default: return (false, 0)
            }
        }
        if family == AF_UNIX {
            self = .unix(path: Self.path(storage))
            return
        }
        guard found.0 else { return nil }
        let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let host = name.hasPrefix("::ffff:") && name.contains(".") ? String(name.dropFirst(7)) : name
        self = .internet(host: host, port: Int(UInt16(bigEndian: found.1)))
    }

    private static func path(_ storage: sockaddr_storage) -> String {
        var storage = storage
        let bytes = withUnsafeBytes(of: &storage) { Array($0.dropFirst(MemoryLayout<sa_family_t>.size)) }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
