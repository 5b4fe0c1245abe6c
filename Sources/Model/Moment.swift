/// A second in UTC, without leap seconds, as `date +%s` counts them. Nothing here reads a clock.
package struct Moment: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 1970-01-01T00:00:00Z.
    package var seconds: Int

    package init(seconds: Int) { self.seconds = seconds }

    package static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }
    package static func + (left: Self, right: Duration) -> Self {
        Self(seconds: left.seconds + Int(right.components.seconds))
    }
    package static func - (left: Self, right: Duration) -> Self {
        Self(seconds: left.seconds - Int(right.components.seconds))
    }

    /// `2026-11-23 10:25 UTC`
    package var description: String {
        let minute = Self.modulo(seconds, 86400) / 60
        return "\(date) \(Self.two(minute / 60)):\(Self.two(minute % 60)) UTC"
    }

    /// `2026-11-23T10:25:07Z` (RFC 3339)
    package var timestamp: String {
        let second = Self.modulo(seconds, 86400)
        return "\(date)T\(Self.two(second / 3600)):\(Self.two(second / 60 % 60)):\(Self.two(second % 60))Z"
    }

    /// `2026-11-23`, by the proleptic Gregorian calendar: eras of 400 years, years that begin in March.
    package var date: String {
        let days = (seconds - Self.modulo(seconds, 86400)) / 86400 + 719_468
        let era = (days - Self.modulo(days, 146_097)) / 146_097
        let day = Self.modulo(days, 146_097)
        let yearOfEra = (day - day / 1460 + day / 36524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(year)-\(Self.two(month))-\(Self.two(dayOfMonth))"
    }

    private static func modulo(_ value: Int, _ divisor: Int) -> Int { (value % divisor + divisor) % divisor }
    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
