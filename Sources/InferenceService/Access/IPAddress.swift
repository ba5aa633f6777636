/// An IPv4 or IPv6 address (RFC 4291, section 2.2). An IPv4-mapped IPv6 address is stored as the IPv4 address.
package struct IPAddress: Sendable, Hashable {
    /// Four numbers below 256 (IPv4), or eight below 65536 (IPv6).
    let parts: [UInt16]

    /// Nil if the text is not a numeric address.
    package init?(_ text: String) {
        guard let parts = text.contains(":") ? Self.six(text[...]) : Self.four(text[...]) else { return nil }
        let isMapped = parts.count == 8 && parts[..<5].allSatisfy { $0 == 0 } && parts[5] == 0xFFFF
        self.parts = isMapped ? parts[6...].flatMap { [$0 >> 8, $0 & 0xFF] } : parts
    }

    /// The address, or the /64 prefix of an IPv6 address, all of which usually belongs to one client.
    var network: [UInt16] { parts.count == 8 ? Array(parts[..<4]) : parts }

    private static func four(_ text: Substring) -> [UInt16]? {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { part in
            part.utf8.allSatisfy { (48...57).contains($0) } ? UInt8(part) : nil
        }
        guard numbers.count == 4, numbers.allSatisfy({ $0 != nil }) else { return nil }
        return numbers.compactMap { $0.map(UInt16.init) }
    }

    private static func six(_ text: Substring) -> [UInt16]? {
        guard let gap = text.firstRange(of: "::") else {
            return groups(text).flatMap { $0.count == 8 ? $0 : nil }
        }
        guard let before = groups(text[..<gap.lowerBound]), let after = groups(text[gap.upperBound...]),
            before.count + after.count < 8
        else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Groups of hexadecimal digits between colons; the last may be an IPv4 address, which stands for two groups.
    private static func groups(_ text: Substring) -> [UInt16]? {
        var groups: [UInt16] = []
        guard !text.isEmpty else { return groups }
        let words = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, word) in words.enumerated() {
            if index == words.count - 1, word.contains(".") {
                guard let four = four(word) else { return nil }
                groups += [four[0] << 8 | four[1], four[2] << 8 | four[3]]
            } else {
                guard (1...4).contains(word.utf8.count), word.allSatisfy(\.isHexDigit),
                    let group = UInt16(word, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }
}
