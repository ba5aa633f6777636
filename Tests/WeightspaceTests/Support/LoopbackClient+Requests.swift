import TestSupport

/// The requests that these tests send.
extension LoopbackClient {
    func get(_ path: String, _ fields: String = "") throws -> LoopbackResponse {
        try send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return try response()
    }

    func post(_ path: String, _ body: [UInt8], _ fields: String = "") throws -> LoopbackResponse {
        try send("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.count)\r\n\(fields)\r\n")
        try send(body)
        return try response()
    }

    /// Sends a head and waits until the server has admitted it and asks for the body.
    func announce(_ path: String, length: Int) throws {
        try send(
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\nExpect: 100-continue\r\n\r\n")
        let interim = try response()
        guard interim.status == 100 else { throw Failure.malformed("\(interim.status) instead of 100") }
    }
}
