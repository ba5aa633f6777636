import HTTPCore
import HTTPTypes

/// The trace that a request belongs to (W3C Trace Context, level 1). The service passes a trace on; it does not start
/// one.
struct TraceContext: Sendable, Equatable {
    static let fieldName = HTTPField.Name(token: "traceparent")

    /// As received.
    let field: String
    /// 32 hexadecimal digits.
    let traceID: String

    /// Nil where there is no `traceparent` field or it is not valid.
    init?(_ fields: HTTPFields) {
        // Repeated fields are joined by commas, which no part below may contain.
        guard let field = fields[Self.fieldName] else { return nil }
        let parts = field.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            zip(parts, [2, 32, 16, 2]).allSatisfy({ Self.isLowerHexadecimal($0, count: $1) }),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        self.field = field
        traceID = String(parts[1])
    }

    private static func isLowerHexadecimal(_ text: Substring, count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
