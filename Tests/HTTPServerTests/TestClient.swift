import Glibc

/// A blocking client on a loopback socket. Every wait is bounded by `poll`.
final class TestClient {
    enum Failure: Error { case system(String, Int32), timeout, malformed(String) }

    private static let patience: Int32 = 10_000

    private var descriptor: Int32
    private var received: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let number = errno
            close()
            throw Failure.system("connect", number)
        }
    }

    deinit { close() }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(for: Int16(POLLOUT))
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure.system("send", errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// One complete response, interim ones included.
    func response(toHead: Bool = false) throws -> ClientResponse {
        while true {
            if let (response, length) = try ClientResponse.parse(received, toHead: toHead) {
                received.removeFirst(length)
                return response
            }
            guard try receiveSome() else { throw Failure.malformed("the connection ended inside a response") }
        }
    }

    /// Whether nothing but the end of the connection comes.
    func isAtEnd() throws -> Bool {
        try received.isEmpty && !receiveSome()
    }

    /// Waits until the server has closed, in whatever way.
    func waitForEnd() throws {
        do {
            while try receiveSome() {}
        } catch Failure.system(_, ECONNRESET) {
            return
        }
    }

    func shutdownSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    func setReceiveBuffer(_ bytes: Int32) {
        var bytes = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Closes with a reset instead of an orderly end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
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

/// A response as a client reads it.
struct ClientResponse {
    var status: Int
    var fields: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    func value(_ name: String) -> String? { fields[name.lowercased()] }

    /// The first response in `bytes` with its length, once it is complete.
    static func parse(_ bytes: [UInt8], toHead: Bool) throws -> (ClientResponse, Int)? {
        let limit = min(bytes.count, 65_536)
        guard let end = (0..<max(0, limit - 3)).first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else {
            return nil
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        guard let statusLine = lines.first, let status = Int(statusLine.dropFirst(9).prefix(3)) else {
            throw TestClient.Failure.malformed(String(decoding: bytes.prefix(99), as: UTF8.self))
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
            fields[parts[0].lowercased()] = value
        }
        let length = toHead ? 0 : fields["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count - end - 4 >= length else { return nil }
        let body = Array(bytes[(end + 4)..<(end + 4 + length)])
        return (ClientResponse(status: status, fields: fields, body: body), end + 4 + length)
    }
}
