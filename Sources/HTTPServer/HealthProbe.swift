import Glibc

/// Sends one GET request to a running server and reads the status of the response.
package enum HealthProbe {
    /// - Parameters:
    ///   - path: such as `/livez`.
    ///   - endpoint: where the server listens; for `0.0.0.0` and `::` the loopback address is used.
    ///   - seconds: the timeout of each socket call.
    /// - Returns: the response's status code.
    package static func status(
        of path: String, at endpoint: ListeningEndpoint, seconds: Int
    ) throws(HealthProbeError) -> Int {
        let (host, addresses) = try resolve(endpoint)
        var failure = SystemError(call: "connect", number: EADDRNOTAVAIL)
        for address in addresses {
            do throws(SystemError) {
                return try status(of: path, host: host, at: address, seconds: seconds)
            } catch {
                failure = error
            }
        }
        throw .noAnswer(failure)
    }

    private static func resolve(
        _ endpoint: ListeningEndpoint
    ) throws(HealthProbeError) -> (host: String, addresses: [ResolvedAddress]) {
        do throws(ServerError) {
            switch endpoint {
            case .tcp(let host, let port):
                let reachable = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
                return (
                    reachable.contains(":") ? "[\(reachable)]" : reachable,
                    try ResolvedAddress.all(host: reachable, port: port, isListening: false)
                )
            case .unix(let path, _):
                guard let address = ResolvedAddress(path: path) else { throw .invalidPath(path) }
                return ("localhost", [address])
            case .inherited: return ("localhost", [])
            }
        } catch {
            throw .unknownAddress(error)
        }
    }

    private static func status(
        of path: String, host: String, at address: ResolvedAddress, seconds: Int
    ) throws(SystemError) -> Int {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .last("socket") }
        defer { Glibc.close(descriptor) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard address.withPointer({ connect(descriptor, $0, $1) }) == 0 else { throw .last("connect") }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8)
        // So short a request is sent by one call.
        if case .failed(let error) = SystemCalls.send(descriptor, request[...], more: false) { throw error }
        var buffer = [UInt8](repeating: 0, count: 1024)
        var head: [UInt8] = []
        // "HTTP/1.1 200 "
        while head.count < 13 {
            switch SystemCalls.receive(descriptor, into: &buffer) {
            case .bytes(let count): head += buffer[..<count]
            case .wouldBlock: throw SystemError(call: "recv", number: ETIMEDOUT)
            case .end: throw SystemError(call: "recv", number: ECONNRESET)
            case .failed(let error): throw error
            }
        }
        let words = String(decoding: head[..<13], as: UTF8.self).split(separator: " ")
        guard words.count == 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw SystemError(call: "recv", number: EPROTO)
        }
        return status
    }
}

/// Why a health probe got no status.
package enum HealthProbeError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownAddress(ServerError)
    case noAnswer(SystemError)

    package var description: String {
        switch self {
        case .unknownAddress(let error): error.description
        case .noAnswer(let error): "no answer: \(error)"
        }
    }
}
