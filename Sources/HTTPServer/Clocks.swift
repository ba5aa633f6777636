import Clocks
import Glibc
import HTTPCore

extension Moment {
    /// The time now on both clocks. The calendar time is the kernel's coarse one, up to 4 ms late and cheaper to read.
    static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Moment(
            instant: .now, unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

extension Duration {
    /// Whole nanoseconds for Dispatch, clamped to 0 and about a century.
    var nanoseconds: Int {
        let (seconds, attoseconds) = components
        let bounded = min(max(seconds, 0), 3_200_000_000)
        return Int(bounded) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
