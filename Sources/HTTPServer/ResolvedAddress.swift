import Glibc

/// A socket address in the form that system calls take.
struct ResolvedAddress {
    let family: Int32
    private let storage: sockaddr_storage
    private let length: socklen_t

    /// Resolves a host name or address, getaddrinfo(3): in the order in which to try the addresses.
    /// - Parameter isListening: whether they are for `bind` rather than `connect`.
    static func all(host: String, port: Int, isListening: Bool) throws(ServerError) -> [ResolvedAddress] {
        guard (0...65_535).contains(port) else { throw .invalidPort(port) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (isListening ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw .unknownHost(host, reason: String(cString: gai_strerror(status))) }
        // Freed after its last use below.
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
        // The resolver states the address's length, which was checked above to fit.
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
        }
        family = info.ai_family
        length = info.ai_addrlen
        self.storage = storage
    }

    /// The address of a Unix socket; nil if the path and its terminating zero do not fit `sun_path`.
    init?(path: String) {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return nil
        }
        address.sun_family = sa_family_t(AF_UNIX)
        // The path's length was checked above, and `sockaddr_storage` is at least as large as `sockaddr_un`.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: address) { target.copyBytes(from: $0) }
        }
        family = AF_UNIX
        length = socklen_t(MemoryLayout<sockaddr_un>.size)
        self.storage = storage
    }

    /// Passes the address to a call that reads it.
    func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: storage) { pointer in
            // `sockaddr` is the common beginning of every address type.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
        }
    }
}
