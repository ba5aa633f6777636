import Glibc

/// Sends datagrams to a Unix socket. A send waits at most one second for a receiver whose buffer is full.
struct DatagramSocket: Sendable {
    private let address: sockaddr_un
    private let size: socklen_t

    /// - Parameter path: an absolute path or, with a leading `@`, a name in the abstract namespace. Nil for anything else,
    ///   and for what does not fit `sun_path`.
    init?(_ path: String) {
        var address = sockaddr_un()
        var bytes = Array(path.utf8)
        guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            bytes.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return nil }
        // The kernel marks abstract names by a leading zero byte.
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        // The length was checked above.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        self.address = address
        size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    }

    /// Sends one datagram.
    /// - Returns: whether a receiver's buffer holds it now.
    func send(_ text: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = address
        let bytes = Array(text.utf8)
        return withUnsafePointer(to: &address) { pointer in
            // `sockaddr` is the common beginning of every address type, and the call gets the true size.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, size) == bytes.count
            }
        }
    }
}
