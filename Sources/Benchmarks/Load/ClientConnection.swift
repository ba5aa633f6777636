import Glibc

/// Why a request of the load generator got no response.
package struct LoadError: Error, CustomStringConvertible {
    /// The system call that failed and its error, or what is wrong with the response.
    package let description: String

    init(_ description: String) { self.description = description }
}

/// A blocking HTTP/1.1 connection that sends prepared requests and reads responses with `Content-Length`.
///
/// Raw memory is used only for the arguments of socket calls, during the call.
final class ClientConnection {
    struct Answer {
        var status: Int
        var hasRetryAfter: Bool
        var closes: Bool
        /// `compute` of the response's `Server-Timing`.
        var compute: Duration?
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(host: String, port: Int, timeoutSeconds: Int = 60) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw LoadError("socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        // From here on `deinit` closes the descriptor, also when this throws.
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw LoadError("'\(host)' is not an IPv4 address")
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw LoadError("connect: \(String(cString: strerror(errno)))") }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Sends a request and waits for its response.
    func exchange(_ request: [UInt8]) throws -> Answer {
        var sent = 0
        while sent < request.count {
            let count = request.withUnsafeBytes { bytes in
                send(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw LoadError("send: \(String(cString: strerror(errno)))") }
            sent += count
        }
        while true {
            if let (answer, length) = try Self.parse(received) {
                received.removeFirst(length)
                return answer
            }
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else {
                throw LoadError(count == 0 ? "the connection ended" : "recv: \(String(cString: strerror(errno)))")
            }
            received += buffer[..<count]
        }
    }

    /// The first complete response and its length in bytes; nil where it is not complete yet. Reads only the fields
    /// that are measured, because the client takes processor time from a server on the same machine.
    private static func parse(_ bytes: [UInt8]) throws -> (Answer, Int)? {
        var answer = Answer(status: 0, hasRetryAfter: false, closes: false, compute: nil)
        var length: Int?
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\r")), end + 1 < bytes.count {
            let line = bytes[start..<end]
            start = end + 2
            if line.isEmpty {
                guard let length else { throw LoadError("a response without Content-Length") }
                return bytes.count >= start + length ? (answer, start + length) : nil
            }
            guard answer.status > 0 else {
                // HTTP/1.1 200 OK
                answer.status = Int(text(line.dropFirst(9).prefix(3))) ?? 0
                guard answer.status > 0 else { throw LoadError("no status in '\(text(line))'") }
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            switch text(line[..<colon]).lowercased() {
            case "content-length": length = Int(text(value))
            case "retry-after": answer.hasRetryAfter = true
            case "connection": answer.closes = text(value).lowercased() == "close"
            case "server-timing": answer.compute = compute(text(value))
            default: break
            }
        }
        return nil
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The value of `compute;dur=` in a `Server-Timing` field, which is in milliseconds.
    private static func compute(_ timing: String) -> Duration? {
        let prefix = "compute;dur="
        let entry = timing.split(separator: ",").map { $0.drop { $0 == " " } }.first { $0.hasPrefix(prefix) }
        return entry.flatMap { Double($0.dropFirst(prefix.count)) }.map { .milliseconds(1) * $0 }
    }
}
