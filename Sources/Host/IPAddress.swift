import Glibc

/// An IPv4 or IPv6 address, parsed and written by inet_pton(3) and inet_ntop(3). An IPv4-mapped IPv6 address is stored as
/// the IPv4 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// In network order: four of IPv4, sixteen of IPv6.
    package let bytes: [UInt8]

    /// Nil if the text is not a numeric address.
    package init?(_ text: String) {
        guard let parsed = Self.parse(text) else { return nil }
        bytes = Self.isMapped(parsed) ? Array(parsed[12...]) : parsed
    }

    /// The shortest spelling, in lower case (RFC 5952).
    package var description: String {
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // The family determines how many bytes are read, and `bytes` has as many; the call is told the text's capacity.
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The bytes of an address as written: four or sixteen.
    fileprivate static func parse(_ text: String) -> [UInt8]? {
        // A zero byte would end the C string early.
        guard !text.utf8.contains(0) else { return nil }
        let isSix = text.utf8.contains(UInt8(ascii: ":"))
        // As large as the address of the family that the call is told.
        var bytes = [UInt8](repeating: 0, count: isSix ? 16 : 4)
        return inet_pton(isSix ? AF_INET6 : AF_INET, text, &bytes) == 1 ? bytes : nil
    }

    /// Whether the bytes are those of `::ffff:a.b.c.d`.
    fileprivate static func isMapped(_ bytes: [UInt8]) -> Bool {
        bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
    }
}

/// The addresses that begin with the same bits, in CIDR notation: `10.0.0.0/8`, `2001:db8::/32`, or one address without
/// a slash.
package struct IPNetwork: Sendable {
    private let address: IPAddress
    private let prefixBits: Int

    /// Bits of the address beyond the prefix are ignored. A prefix of an IPv4-mapped address counts its IPv6 bits.
    ///
    /// Nil if the text is not a numeric address with at most one prefix length that the address has.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let written = IPAddress.parse(String(parts[0])),
            let address = IPAddress(String(parts[0]))
        else { return nil }
        self.address = address
        guard parts.count == 2 else {
            prefixBits = 8 * address.bytes.count
            return
        }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let bits = Int(parts[1]), bits <= 8 * written.count
        else { return nil }
        // Of a mapped address, the first 96 bits say that it is IPv4.
        let skipped = 8 * (written.count - address.bytes.count)
        guard bits >= skipped else { return nil }
        prefixBits = bits - skipped
    }

    /// Whether an address is of the same family and begins with the prefix.
    package func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let (whole, rest) = prefixBits.quotientAndRemainder(dividingBy: 8)
        guard other.bytes[..<whole] == address.bytes[..<whole] else { return false }
        return rest == 0 || (other.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0
    }
}
