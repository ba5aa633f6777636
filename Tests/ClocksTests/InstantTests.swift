import Clocks
import Testing

@Suite("Instants")
struct InstantTests {
    private let start = Instant.now

    @Test("never go back")
    func order() {
        let next = Instant.now
        #expect(next >= start)
        #expect(next - start >= .zero)
    }

    @Test("move by whole nanoseconds, forwards and backwards")
    func moving() {
        let later = start + .milliseconds(1500)
        #expect(later - start == .milliseconds(1500))
        #expect(start - later == .milliseconds(-1500))
        #expect(later - .milliseconds(1500) == start)
        #expect(start + .nanoseconds(1) > start)
        #expect(start < later)
        var moved = start
        moved += .seconds(2)
        #expect(start.duration(to: moved) == .seconds(2))
    }

    @Test("saturate at the first and last representable instant", arguments: [Int64.max, 9_300_000_000, Int64.max / 2])
    func ends(seconds: Int64) {
        let last = start + .seconds(seconds)
        #expect(last == last + .seconds(1))
        #expect(last > start)
        let first = start - .seconds(seconds) - .seconds(seconds)
        #expect(first == first - .seconds(1) && first == first - .milliseconds(1))
        #expect(last == last + .milliseconds(1))
        #expect(first < start)
        #expect(last - first > .seconds(18_000_000_000))
    }
}
