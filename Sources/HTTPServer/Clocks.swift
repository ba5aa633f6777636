import Clocks
import Glibc
import HTTPCore

extension Moment {
    /// The time now, on both clocks. The calendar's is up to some milliseconds late, and costs less for it.
    static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Moment(
            instant: .now, unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

extension Duration {
    /// Whole nanoseconds, for Dispatch; longer than a century counts as a century.
    var nanoseconds: Int {
        let (seconds, attoseconds) = components
        let bounded = min(max(seconds, 0), 3_200_000_000)
        return Int(bounded) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
