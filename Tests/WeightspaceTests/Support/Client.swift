import Glibc

/// A blocking client on a loopback socket. Every wait is bounded by `poll`.
final class Client {
    enum Failure: Error { case system(String, Int32), timeout, malformed(String) }

    struct Reply {
        let status: Int
        let fields: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        func field(_ name: String) -> String? { fields[name.lowercased()] }
    }

    private var descriptor: Int32
    private var received: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
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
            _ = close(descriptor)
            descriptor = -1
            throw Failure.system("connect", number)
        }
    }

    deinit { if descriptor >= 0 { _ = close(descriptor) } }

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

    func get(_ path: String, _ fields: String = "") throws -> Reply {
        try send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return try reply()
    }

    func post(_ path: String, _ body: [UInt8], _ fields: String = "") throws -> Reply {
        try send("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.count)\r\n\(fields)\r\n")
        try send(body)
        return try reply()
    }

    /// Sends a head and waits until the server has admitted it and asks for the body.
    func announce(_ path: String, length: Int) throws {
        try send(
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\nExpect: 100-continue\r\n\r\n")
        let interim = try reply()
        guard interim.status == 100 else { throw Failure.malformed("\(interim.status) instead of 100") }
    }

    /// One complete response; interim ones count.
    func reply(toHead: Bool = false) throws -> Reply {
        while true {
            if let (reply, length) = try parse(toHead: toHead) {
                received.removeFirst(length)
                return reply
            }
            guard try receive() else { throw Failure.malformed("the connection ended inside a response") }
        }
    }

    /// Whether nothing but the end of the connection comes.
    func isAtEnd() throws -> Bool { try received.isEmpty && !receive() }

    private func receive() throws -> Bool {
        try wait(for: Int16(POLLIN))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Failure.system("recv", errno) }
        received += buffer.prefix(count)
        return count > 0
    }

    private func wait(for events: Int16) throws {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        guard poll(&request, 1, 20_000) > 0 else { throw Failure.timeout }
    }

    private func parse(toHead: Bool) throws -> (Reply, Int)? {
        guard let end = received.indices.first(where: { received[$0...].starts(with: [13, 10, 13, 10]) }) else {
            return nil
        }
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        guard let line = lines.first, let status = Int(line.dropFirst(9).prefix(3)) else {
            throw Failure.malformed(String(decoding: received.prefix(99), as: UTF8.self))
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let length = toHead || status == 100 ? 0 : fields["content-length"].flatMap { Int($0) } ?? 0
        guard received.count - end - 4 >= length else { return nil }
        let body = Array(received[(end + 4)..<(end + 4 + length)])
        return (Reply(status: status, fields: fields, body: body), end + 4 + length)
    }
}
