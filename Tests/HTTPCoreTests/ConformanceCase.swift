import Testing

/// Bytes on a new connection and how a strict server must respond.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// Of all responses in order, interim ones included.
    let statuses: [Int]
    let closes: Bool
    /// Which final responses answer HEAD.
    let heads: Set<Int>
    /// The expected body of the last response; nil for any.
    let body: String?

    var testDescription: String { name }

    init(
        _ name: String, _ bytes: [UInt8], _ statuses: [Int], closes: Bool, heads: Set<Int> = [], body: String? = nil
    ) {
        self.name = name
        self.bytes = bytes
        self.statuses = statuses
        self.closes = closes
        self.heads = heads
        self.body = body
    }

    /// Refused: one error response, then the connection closes.
    static func refused(_ name: String, _ text: String, _ status: Int = 400) -> ConformanceCase {
        ConformanceCase(name, Array(text.utf8), [status], closes: true)
    }

    /// Served, and the connection stays open.
    static func served(
        _ name: String, _ text: String, _ statuses: [Int] = [200], heads: Set<Int> = [], body: String? = nil
    ) -> ConformanceCase {
        ConformanceCase(name, Array(text.utf8), statuses, closes: false, heads: heads, body: body)
    }

    /// Served, and the connection closes.
    static func last(_ name: String, _ text: String, _ statuses: [Int] = [200]) -> ConformanceCase {
        ConformanceCase(name, Array(text.utf8), statuses, closes: true)
    }

    static func get(_ target: String = "/", _ fields: String = "", version: String = "HTTP/1.1") -> String {
        "GET \(target) \(version)\r\nHost: a\r\n\(fields)\r\n"
    }

    static func post(_ fields: String, _ body: String = "abc") -> String {
        "POST /echo HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
    }

    static func chunked(_ body: String) -> String {
        post("Transfer-Encoding: chunked\r\n", body)
    }

    static var all: [ConformanceCase] {
        lengths + codings + chunks + bodies + lineEnds + fields + hosts + requestLines + targets + methods + sizes
            + expectations + connections
    }
}

/// How the bytes reach the server.
enum Delivery: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case oneWrite = "in one write"
    case byteByByte = "byte by byte"
    case splitAtLineEnds = "split around every CR and LF"
    case afterGoodRequest = "behind a good request"

    var testDescription: String { rawValue }

    static let goodRequest = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

    func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        switch self {
        case .oneWrite: [bytes[...]]
        case .byteByByte: bytes.indices.map { bytes[$0...$0] }
        case .splitAtLineEnds: Self.splitAtLineEnds(bytes)
        case .afterGoodRequest: [(Self.goodRequest + bytes)[...]]
        }
    }

    private static func splitAtLineEnds(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0D || bytes[index] == 0x0A {
            if index > start { pieces.append(bytes[start..<index]) }
            pieces.append(bytes[index...index])
            start = index + 1
        }
        if start < bytes.count { pieces.append(bytes[start...]) }
        return pieces
    }
}
