import Clocks

/// One moment on two clocks: the monotonic one, for deadlines, and the calendar's, for `Date` and request IDs.
package struct Moment: Sendable {
    /// On the monotonic clock.
    package var instant: Instant
    /// On the calendar's clock, since 1970.
    package var unixMilliseconds: Int64

    package init(instant: Instant, unixMilliseconds: Int64) {
        self.instant = instant
        self.unixMilliseconds = unixMilliseconds
    }
}
