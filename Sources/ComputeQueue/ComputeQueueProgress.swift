import Clocks

/// When the computation last made progress, for a watchdog.
package struct ComputeQueueHeartbeat: Hashable, Sendable {
    /// Whether work is scheduled or being computed. An idle queue makes no progress and is healthy.
    package let isBusy: Bool
    /// Of the loop that has made none for the longest time.
    package let lastProgress: Instant

    /// Whether work has been pending for longer than `limit` without any progress.
    package func isStalled(at now: Instant, limit: Duration) -> Bool {
        isBusy && lastProgress.duration(to: now) > limit
    }
}

/// The measured time per item: an exponentially weighted mean over requests.
struct ServiceTime {
    /// The weight of the newest request.
    private static let weight = 0.2

    private var secondsPerItem: Double?

    mutating func record(itemCount: Int, duration: Duration) {
        guard itemCount > 0 else { return }
        let measured = max(0, duration / .seconds(1)) / Double(itemCount)
        secondsPerItem = secondsPerItem.map { $0 + Self.weight * (measured - $0) } ?? measured
    }

    /// Seconds until `itemCount` items are computed; 0 where none was measured so far.
    func seconds(itemCount: Int, parallelism: Int) -> Double {
        Double(itemCount) * (secondsPerItem ?? 0) / Double(parallelism)
    }

    /// Rounded up and clamped to 1...60, for use as `Retry-After`.
    static func wholeSeconds(_ seconds: Double) -> Int { Int(min(60, max(1, seconds.rounded(.up)))) }
}
