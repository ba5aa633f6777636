import Clocks

/// Now, on both clocks: one that only goes forward, for deadlines, and the calendar's, for `Date` and request names.
package struct Moment: Sendable {
    package var instant: Instant
    package var unixMilliseconds: Int64

    package init(instant: Instant, unixMilliseconds: Int64) {
        self.instant = instant
        self.unixMilliseconds = unixMilliseconds
    }
}
