import HTTPTypes
import Synchronization

/// The identifier of a request in logs, error documents and `X-Request-Id`.
package enum RequestID {
    static let fieldName = HTTPField.Name(token: "X-Request-Id")
    static let maxLength = 128

    /// The client's `X-Request-Id` if it is acceptable, else a new identifier.
    package static func resolve(_ fields: HTTPFields, unixMilliseconds: Int64) -> String {
        if let given = fields[fieldName], isAcceptable(given) { return given }
        return make(unixMilliseconds: unixMilliseconds)
    }

    /// 1 to 128 letters, digits, dots, underscores and hyphens: safe in a header, a log line and a file name.
    package static func isAcceptable(_ text: String) -> Bool {
        (1...maxLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                ASCII.isDigit(byte) || ASCII.isLetter(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2D
            }
    }

    /// 26 letters and digits that sort by time (the ULID layout): 48 bits of milliseconds, 40 random bits of the
    /// process, 40 bits of a counter. Unique, but predictable: random bits from the system for each request would take
    /// longer than writing the rest of the response's head.
    package static func make(unixMilliseconds: Int64) -> String {
        make(
            unixMilliseconds: unixMilliseconds, process: process,
            count: counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    private static let process = UInt64.random(in: .min ... .max)
    private static let counter = Atomic(UInt64.random(in: .min ... .max))

    static func make(unixMilliseconds: Int64, process: UInt64, count: UInt64) -> String {
        let time = UInt64(truncatingIfNeeded: max(0, unixMilliseconds)) & 0xFFFF_FFFF_FFFF
        var text: [UInt8] = []
        text.reserveCapacity(26)
        append(time, digits: 10, to: &text)
        append(process & 0xFF_FFFF_FFFF, digits: 8, to: &text)
        append(count & 0xFF_FFFF_FFFF, digits: 8, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    private static func append(_ number: UInt64, digits: Int, to text: inout [UInt8]) {
        for position in (0..<digits).reversed() {
            text.append(alphabet[Int((number >> UInt64(position * 5)) & 31)])
        }
    }
}
