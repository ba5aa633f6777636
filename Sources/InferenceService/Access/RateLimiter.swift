import Clocks
import Synchronization

/// A token bucket for each client: a request takes one token, tokens come back at a fixed rate up to the burst.
package final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var filled: Instant
    }

    private let maxClients: Int
    private let rate: Double
    private let burst: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - rate: tokens per second.
    ///   - burst: tokens of a full bucket.
    ///   - maxClients: buckets that are kept at a time; addresses are without number.
    package init(rate: Double, burst: Int, maxClients: Int = 10_000) {
        self.maxClients = maxClients
        self.rate = rate
        self.burst = Double(burst)
    }

    /// Takes a token from the client's bucket.
    /// - Returns: nil if there was one, else how long it takes until there is one.
    package func wait(for client: String, at now: Instant) -> Duration? {
        buckets.withLock { buckets in
            if buckets.count >= maxClients, buckets[client] == nil { removeFull(&buckets, at: now) }
            var bucket = buckets[client] ?? Bucket(tokens: burst, filled: now)
            bucket.tokens = tokens(bucket, at: now)
            bucket.filled = now
            defer { buckets[client] = bucket }
            guard bucket.tokens < 1 else {
                bucket.tokens -= 1
                return nil
            }
            return .seconds((1 - bucket.tokens) / rate)
        }
    }

    /// For tests.
    var clientCount: Int { buckets.withLock { $0.count } }

    private func tokens(_ bucket: Bucket, at now: Instant) -> Double {
        min(burst, bucket.tokens + bucket.filled.duration(to: now) / .seconds(1) * rate)
    }

    /// Removes full buckets: a new one would be equal. If none is full, all are removed, which bounds the memory that a
    /// flood of addresses takes; it does not stop the flood.
    private func removeFull(_ buckets: inout [String: Bucket], at now: Instant) {
        buckets = buckets.filter { tokens($0.value, at: now) < burst }
        if buckets.count >= maxClients { buckets = [:] }
    }
}
