import Glibc

/// An IPv4 or IPv6 address with its port.
package struct SocketAddress: Sendable, Equatable, CustomStringConvertible {
    /// In numbers, without brackets.
    package let host: String
    package let port: Int

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// An IPv4 client of a socket that takes both families shows as what it is.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(storage.ss_family)
        let found: (Bool, UInt16) = withUnsafePointer(to: &storage) { pointer in
            // The storage is as large as any address, and the family says which one it holds.
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
        guard found.0 else { return nil }
        let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        host = name.hasPrefix("::ffff:") && name.contains(".") ? String(name.dropFirst(7)) : name
        port = Int(UInt16(bigEndian: found.1))
    }
}
