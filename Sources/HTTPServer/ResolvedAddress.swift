import Glibc

/// An address as the system's calls take it.
struct ResolvedAddress {
    let family: Int32
    private let storage: sockaddr_storage
    private let length: socklen_t

    /// The addresses of a host, those to be tried first first.
    /// - Parameter isListening: whether they are to be bound.
    static func all(host: String, port: Int, isListening: Bool) throws(ServerError) -> [ResolvedAddress] {
        guard (0...65_535).contains(port) else { throw .invalidPort(port) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (isListening ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw .unknownHost(host, reason: String(cString: gai_strerror(status))) }
        // The list is the resolver's own until it is freed here, after its last use.
        defer { freeaddrinfo(list) }
        var addresses: [ResolvedAddress] = []
        var next = list
        while let info = next?.pointee {
            if let address = ResolvedAddress(info) { addresses.append(address) }
            next = info.ai_next
        }
        return addresses
    }

    private init?(_ info: addrinfo) {
        var storage = sockaddr_storage()
        guard let address = info.ai_addr, Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size else {
            return nil
        }
        // The resolver's address has the length that it says, for which there is room.
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
        }
        family = info.ai_family
        length = info.ai_addrlen
        self.storage = storage
    }

    /// Nil if the path does not fit, with the zero byte at its end.
    init?(path: String) {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return nil
        }
        address.sun_family = sa_family_t(AF_UNIX)
        // The path was measured above, and both types are plain bytes of which the storage has more.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: address) { target.copyBytes(from: $0) }
        }
        family = AF_UNIX
        length = socklen_t(MemoryLayout<sockaddr_un>.size)
        self.storage = storage
    }

    /// Lends the address to a call that reads it.
    func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: storage) { pointer in
            // `sockaddr` is the common start of every address type.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
        }
    }
}
