import CHost

/// A point in time on a monotonic clock that also advances while the machine sleeps (`CLOCK_BOOTTIME`), in nanoseconds.
///
/// Like `ContinuousClock.Instant`, but of a size that is known at compile time. The size of the standard library's is not,
/// so that every value that contains one, such as the state of a connection, is copied by calls into the runtime.
package struct Instant: InstantProtocol {
    private let nanoseconds: Int64

    /// The current time.
    package static var now: Instant { Instant(nanoseconds: host_uptime_nanoseconds()) }

    /// The instant later or earlier by `duration`, cut off to nanoseconds; saturates at the first and last representable one.
    package func advanced(by duration: Duration) -> Instant {
        let (seconds, attoseconds) = duration.components
        let (whole, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isLonger) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        let (moved, isTooFar) = nanoseconds.addingReportingOverflow(sum)
        guard !isTooLong, !isLonger, !isTooFar else { return Instant(nanoseconds: duration < .zero ? .min : .max) }
        return Instant(nanoseconds: moved)
    }

    package func duration(to other: Instant) -> Duration {
        .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds)
    }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    package static func + (instant: Instant, duration: Duration) -> Instant { instant.advanced(by: duration) }

    package static func += (instant: inout Instant, duration: Duration) { instant = instant + duration }

    package static func - (instant: Instant, duration: Duration) -> Instant {
        instant.advanced(by: .zero - duration)
    }

    package static func - (left: Instant, right: Instant) -> Duration { right.duration(to: left) }
}
