import Clocks
import Synchronization

/// So many requests a second for every client, and a burst on top: a bucket of tokens each, filled at the rate.
package final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var filled: Instant
    }

    /// Clients remembered at a time; a client can invent others without end.
    private static let maxClients = 10_000

    private let rate: Double
    private let burst: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - rate: requests a second in the long run.
    ///   - burst: requests at once.
    package init(rate: Double, burst: Int) {
        self.rate = rate
        self.burst = Double(burst)
    }

    /// Takes a token of the client's.
    /// - Returns: nil, or how long it takes until there is one.
    package func wait(for client: String, at now: Instant) -> Duration? {
        buckets.withLock { buckets in
            if buckets.count >= Self.maxClients, buckets[client] == nil { forgetFull(&buckets, at: now) }
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

    private func tokens(_ bucket: Bucket, at now: Instant) -> Double {
        min(burst, bucket.tokens + bucket.filled.duration(to: now) / .seconds(1) * rate)
    }

    /// A full bucket is as good as none. If none is full, all start anew: a flood of addresses is not held off by this.
    private func forgetFull(_ buckets: inout [String: Bucket], at now: Instant) {
        buckets = buckets.filter { tokens($0.value, at: now) < burst }
        if buckets.count >= Self.maxClients { buckets = [:] }
    }
}
