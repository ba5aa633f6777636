/// `host[:port]` (RFC 3986 section 3.2 without user information), as `Host` and absolute targets carry it.
struct Authority: Equatable {
    private let host: ArraySlice<UInt8>
    let port: Int?

    /// Nil when the octets are not a host: empty, with user information, a path or a list, or with an invalid port.
    init?(_ bytes: ArraySlice<UInt8>, defaultPort: Int?) {
        let hostEnd: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let address = bytes[(bytes.startIndex + 1)..<bracket]
            guard address.contains(UInt8(ascii: ":")), address.allSatisfy(Self.isAddressLiteral) else { return nil }
            hostEnd = bracket + 1
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            let name = bytes[..<hostEnd]
            guard !name.isEmpty, name.allSatisfy(Self.isRegisteredName) else { return nil }
        }
        host = bytes[..<hostEnd]
        guard hostEnd < bytes.endIndex else {
            port = defaultPort
            return
        }
        let digits = bytes[(hostEnd + 1)...]
        guard bytes[hostEnd] == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(ASCII.isDigit) else {
            return nil
        }
        let number = digits.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
        guard number <= 65_535 else { return nil }
        port = digits.isEmpty ? defaultPort : number
    }

    /// Compares hosts without regard to case.
    static func == (one: Authority, other: Authority) -> Bool {
        one.port == other.port && one.host.elementsEqual(other.host) { ASCII.lowercased($0) == ASCII.lowercased($1) }
    }

    /// Letters, digits and the punctuation of a registered name, except the comma, which separates repeated fields.
    private static func isRegisteredName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: ASCII.isDigit(byte) || ASCII.isLetter(byte)
        }
    }

    private static func isAddressLiteral(_ byte: UInt8) -> Bool {
        ASCII.hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}
