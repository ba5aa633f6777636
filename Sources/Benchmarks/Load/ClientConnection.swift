import Foundation
import Glibc

/// Why a request of the load generator got no answer.
package struct LoadError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// A blocking HTTP/1.1 connection that sends ready-made requests and reads answers with a length.
///
/// The only raw memory here is what the socket calls borrow from arrays for the time of a call.
final class ClientConnection {
    struct Answer {
        let status: Int
        let hasRetryAfter: Bool
        let closes: Bool
        /// What the server says that it computed for.
        let compute: Duration?
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
        // From here on `deinit` closes the descriptor, also where this throws.
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw LoadError("'\(host)' is no IPv4 address") }
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

    /// Sends a whole request and waits for its answer.
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

    /// The first complete answer, and its length in bytes.
    private static func parse(_ bytes: [UInt8]) throws -> (Answer, Int)? {
        let end = Array("\r\n\r\n".utf8)
        guard bytes.count >= 16 else { return nil }
        var headEnd: Int?
        for index in 0...(bytes.count - 4) where bytes[index] == end[0] && bytes[index..<index + 4].elementsEqual(end) {
            headEnd = index
            break
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).lowercased().components(separatedBy: "\r\n")
        guard let status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") else {
            throw LoadError("no status in '\(lines[0])'")
        }
        func value(_ name: String) -> String? {
            lines.first { $0.hasPrefix(name + ":") }.map {
                $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
            }
        }
        guard let length = value("content-length").flatMap(Int.init) else {
            throw LoadError("an answer without Content-Length")
        }
        let total = headEnd + 4 + length
        guard bytes.count >= total else { return nil }
        let answer = Answer(
            status: status, hasRetryAfter: value("retry-after") != nil, closes: value("connection") == "close",
            compute: value("server-timing").flatMap(compute))
        return (answer, total)
    }

    /// The duration of `compute` in a `Server-Timing` field, which is in milliseconds.
    private static func compute(_ timing: String) -> Duration? {
        let prefix = "compute;dur="
        let entry = timing.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .first { $0.hasPrefix(prefix) }
        return entry.flatMap { Double($0.dropFirst(prefix.count)) }.map { .milliseconds(1) * $0 }
    }
}
