import Clocks

/// How much work a batcher has, at one instant.
package struct BatchLoad<Lane: Hashable & Sendable>: Sendable {
    package let waitingRequests: Int
    package let waitingRequestsByLane: [Lane: Int]
    package let waitingItems: Int
    package let waitingBytes: Int
    /// Requests and items being computed.
    package let requestsInFlight: Int
    package let itemsInFlight: Int
    /// Smoothed over the last requests; `nil` before the first.
    package let secondsPerItem: Double?
    package let isDraining: Bool
}

/// When the computation last got on, for a watchdog.
package struct BatchHeartbeat: Hashable, Sendable {
    /// Work is scheduled or being computed. An idle batcher makes no progress and is healthy.
    package let isBusy: Bool
    package let lastProgress: Instant

    /// Whether work has been pending for longer than `limit` without any progress.
    package func isStalled(at now: Instant, limit: Duration) -> Bool {
        isBusy && lastProgress.duration(to: now) > limit
    }
}

/// The measured cost of an item, an exponentially weighted mean over requests.
struct ServiceTime {
    /// The share of the newest request.
    private static let weight = 0.2

    private(set) var secondsPerItem: Double?

    mutating func record(itemCount: Int, duration: Duration) {
        guard itemCount > 0 else { return }
        let measured = max(0, duration / .seconds(1)) / Double(itemCount)
        secondsPerItem = secondsPerItem.map { $0 + Self.weight * (measured - $0) } ?? measured
    }

    /// Whole seconds until `itemCount` items are computed, within 1...60 so that it can be told to a client.
    func retryAfterSeconds(itemCount: Int, parallelism: Int) -> Int {
        let seconds = Double(itemCount) * (secondsPerItem ?? 0) / Double(parallelism)
        return Int(min(60, max(1, seconds.rounded(.up))))
    }
}
