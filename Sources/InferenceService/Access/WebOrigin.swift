import Host

/// The origin of a web page as browsers write it in `Origin` (the Fetch and HTML standards): scheme and host in lower
/// case, an IPv6 address in its shortest spelling, and no port where it is the scheme's default.
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// Brings an origin into that form.
    ///
    /// Nil if the text is not `scheme://host` or `scheme://host:port`: with a path, user information or a port beyond
    /// 65535, or with a host that is not ASCII, which browsers send as Punycode (`xn--…`).
    package init?(_ text: String) {
        guard
            let match = text.lowercased().wholeMatch(
                of: /([a-z][a-z0-9+.\-]*):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._~\-]+)(?::([0-9]{1,5}))?/)
        else { return nil }
        var host = String(match.2)
        if host.hasPrefix("[") {
            guard host.contains(":"), let address = IPAddress(String(host.dropFirst().dropLast())) else { return nil }
            // An IPv4-mapped address is written as IPv4 and is no host in brackets.
            guard address.bytes.count == 16 else { return nil }
            host = "[\(address)]"
        }
        var origin = "\(match.1)://\(host)"
        if let digits = match.3 {
            guard let port = Int(digits), port <= 65_535 else { return nil }
            if Self.defaultPorts[String(match.1)] != port { origin += ":\(port)" }
        }
        description = origin
    }

    private static let defaultPorts = ["http": 80, "https": 443]
}
