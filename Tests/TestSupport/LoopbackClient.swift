import Glibc

/// A blocking client on a loopback socket. Every wait is bounded by `poll`.
package final class LoopbackClient {
    package enum Failure: Error { case system(String, Int32), timeout, malformed(String) }

    private static let patience: Int32 = 20_000

    private var descriptor: Int32
    private var received: [UInt8] = []

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        try connect(to: &address)
    }

    /// A client of a Unix socket.
    package init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        try connect(to: &address)
    }

    private func connect<Address>(to address: inout Address) throws {
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard status == 0 else {
            let number = errno
            close()
            throw Failure.system("connect", number)
        }
    }

    deinit { close() }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(for: Int16(POLLOUT))
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure.system("send", errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// One complete response, interim ones included.
    package func response(toHead: Bool = false) throws -> LoopbackResponse {
        while true {
            if let (response, length) = try LoopbackResponse.parse(received, toHead: toHead) {
                received.removeFirst(length)
                return response
            }
            guard try receiveSome() else { throw Failure.malformed("the connection ended inside a response") }
        }
    }

    /// Whether nothing but the end of the connection comes.
    package func isAtEnd() throws -> Bool {
        try received.isEmpty && !receiveSome()
    }

    /// Waits until the server has closed, in whatever way.
    package func waitForEnd() throws {
        do {
            while try receiveSome() {}
        } catch Failure.system(_, ECONNRESET) {
            return
        }
    }

    package func shutdownSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    package func setReceiveBuffer(_ bytes: Int32) {
        var bytes = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Closes with a reset instead of an orderly end.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    private func receiveSome() throws -> Bool {
        try wait(for: Int16(POLLIN))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Failure.system("recv", errno) }
        received += buffer.prefix(count)
        return count > 0
    }

    private func wait(for events: Int16) throws {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        guard poll(&request, 1, Self.patience) > 0 else { throw Failure.timeout }
    }
}
