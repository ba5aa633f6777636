/// The text of the `Date` field (IMF-fixdate, RFC 9110 section 5.6.7); formatted at most once a second.
struct HTTPDate {
    private var second: Int64?
    private var text = ""

    /// The text for a time in seconds since 1970.
    mutating func text(at unixSeconds: Int64) -> String {
        if second != unixSeconds {
            second = unixSeconds
            text = Self.format(unixSeconds)
        }
        return text
    }

    static func format(_ unixSeconds: Int64) -> String {
        // The year has four digits: later times are shown as the last second of 9999.
        let seconds = min(max(unixSeconds, 0), 253_402_300_799)
        let days = seconds / 86_400
        let inDay = seconds % 86_400
        let (year, month, day) = civil(daysSince1970: days)
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = [inDay / 3600, inDay / 60 % 60, inDay % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(names[Int(days % 7)]), \(padded(day, 2)) \(months[Int(month) - 1]) \(padded(year, 4)) \(clock) GMT"
    }

    /// Days since 1970 to a Gregorian date. Years are counted from March, so that a leap day is the last day of a year.
    private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
