import Clocks
import HTTPCore
import HTTPTypes
import Host
import Synchronization

/// Settings of access control.
package struct AccessConfiguration: Sendable {
    /// Whether health checks and metrics need a key, where there are keys.
    package var protectsHealth = false
    package var protectsMetrics = false
    /// Requests with weights per second and client; nil sets no limit.
    package var rateLimit: Double?
    /// Requests that a client may send at once under `rateLimit`.
    package var rateBurst = 20
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    package var trustedProxies: [IPNetwork] = []
    /// Whether the peer of a Unix socket is such a proxy.
    package var trustsUnixSocket = false
    /// Origins whose pages may read responses (CORS), as `WebOrigin` writes them; `*` stands for all.
    package var allowedOrigins: Set<String> = []

    package init() {}
}

/// Identifies clients by key or address, and decides what they may request.
package final class AccessControl: Sendable {
    /// The sender of a request.
    enum Client: Sendable, Hashable {
        /// Connected to the administration socket, which only its owner can open.
        case administrator
        case keyHolder(APIKeys.Owner)
        /// Without a key, or with an unknown one. The address is determined only where there is a rate limit.
        case anonymous(address: String?, showsKey: Bool)

        /// Under which the rate limiter counts it.
        fileprivate var name: String {
            switch self {
            case .administrator: "administrator"
            case .keyHolder(let owner): "key:" + owner.name
            case .anonymous(let address, _): "address:" + (address ?? "")
            }
        }
    }

    let configuration: AccessConfiguration
    private let limiter: RateLimiter?
    /// Nil where no key is needed.
    private let keys: Mutex<APIKeys?>

    /// - Parameter keys: nil where no key is needed.
    package init(_ configuration: AccessConfiguration = AccessConfiguration(), keys: APIKeys? = nil) {
        self.configuration = configuration
        self.keys = Mutex(keys)
        limiter = configuration.rateLimit.map { RateLimiter(rate: $0, burst: configuration.rateBurst) }
    }

    /// Replaces the known keys.
    package func replace(keys: APIKeys) { self.keys.withLock { $0 = keys } }

    /// Whether requests without a key are refused.
    var needsKey: Bool { keys.withLock { $0 != nil } }

    /// - Parameter peer: the other end of the connection.
    func client(_ head: RequestHead, peer: String) -> Client {
        for key in Self.keys(head.fields) {
            if let owner = keys.withLock({ $0?.owner(of: key) }) { return .keyHolder(owner) }
        }
        return .anonymous(
            address: limiter == nil ? nil : address(head.fields, peer: peer),
            showsKey: head.fields.contains(.authorization) || head.fields.contains(.apiKey))
    }

    /// Why the client may not make such a request; nil where it may. Takes a token of its rate.
    func refusal(_ client: Client, _ endpoint: Endpoint, at now: @autoclosure () -> Instant) -> ServiceFault? {
        switch client {
        case .administrator: return nil
        case .keyHolder(let owner):
            if endpoint == .reload, !owner.isAdministrator { return .forbidden(owner.name) }
        case .anonymous(_, let showsKey):
            if endpoint == .reload, !needsKey { return .reloadNeedsKey }
            if needsKey, isProtected(endpoint) { return showsKey ? .unknownKey : .missingKey }
        }
        guard endpoint.takesUploads, let wait = limiter?.wait(for: client.name, at: now()) else { return nil }
        return .rateLimited(wait)
    }

    private func isProtected(_ endpoint: Endpoint) -> Bool {
        switch endpoint {
        case _ where endpoint.isHealth: configuration.protectsHealth
        case .metrics: configuration.protectsMetrics
        // It asks for a key itself, and tells nothing that the program's source does not.
        case .browserPage: false
        default: true
        }
    }

    /// The keys that a request shows: `Authorization: Bearer KEY` (RFC 6750), then `X-Api-Key: KEY`. The first known one
    /// counts. Credentials of other schemes are skipped: a proxy that asks for a password leaves its own
    /// `Authorization: Basic` in the request.
    private static func keys(_ fields: HTTPFields) -> [String] {
        let bearers = fields[values: .authorization].compactMap { value -> String? in
            let words = value.split(separator: " ")
            return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
        }
        return bearers + fields[values: .apiKey]
    }

    /// The client's address: the peer's, or where the peer is a trusted proxy the last address in `X-Forwarded-For`
    /// that is not a trusted proxy's.
    private func address(_ fields: HTTPFields, peer: String) -> String {
        var address = Self.host(peer)
        var hops = fields[values: .forwardedFor].flatMap { $0.split(separator: ",") }
            .map { String($0.filter { $0 != " " && $0 != "\t" }) }
        while isTrusted(address), let hop = hops.popLast(), !hop.isEmpty {
            address = Self.host(hop)
        }
        return Self.network(address)
    }

    private func isTrusted(_ address: String) -> Bool {
        guard let address = IPAddress(address) else { return address == "unix" && configuration.trustsUnixSocket }
        return configuration.trustedProxies.contains { $0.contains(address) }
    }

    /// The part of an address that the rate limiter counts: the whole of IPv4, the first 64 bits of IPv6, all of which
    /// usually belong to one client.
    private static func network(_ address: String) -> String {
        IPAddress(address).map { "\($0.bytes.prefix(8))" } ?? address
    }

    /// An address without its port.
    private static func host(_ text: String) -> String {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return String(text[text.index(after: text.startIndex)..<end])
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : text
    }
}

extension HTTPField.Name {
    static let apiKey = HTTPField.Name(token: "X-Api-Key")
    fileprivate static let forwardedFor = HTTPField.Name(token: "X-Forwarded-For")
}
