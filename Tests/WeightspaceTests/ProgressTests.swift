import Synchronization
import Testing

@testable import weightspace

@Suite("Progress")
struct ProgressTests {
    /// Updates every 4 seconds, and returns what was written.
    private func written(isInteractive: Bool) -> [String] {
        let start = ContinuousClock.now
        let texts = Texts()
        let line = ProgressLine(isInteractive: isInteractive, started: start) { texts.append($0) }
        var bar = ProgressBar(total: 100, unit: "files", line: line, started: start)
        for step in 1...6 { bar.update(10 * step, at: start + .seconds(4 * step)) }
        bar.clear()
        return texts.values
    }

    @Test("is written as lines, not too many, where there is no terminal")
    func lines() {
        #expect(
            written(isInteractive: false) == ["30/100 files  2/s  28 s left\n", "60/100 files  2/s  16 s left\n"])
    }

    @Test("is redrawn in place on a terminal, and cleared")
    func terminal() {
        let texts = written(isInteractive: true)
        #expect(texts.count == 7 && texts.allSatisfy { $0.hasPrefix("\r\u{1B}[K") && !$0.contains("\n") })
        #expect(texts[0].hasSuffix(" 10/100 files  2/s  36 s left") && texts[6] == "\r\u{1B}[K")
    }

    @Test("is not shown for a single file, nor for work that is done")
    func nothing() {
        let texts = Texts()
        let start = ContinuousClock.now
        let line = ProgressLine(isInteractive: false, started: start) { texts.append($0) }
        var single = ProgressBar(total: 1, unit: "files", line: line, started: start)
        single.update(0, at: start + .seconds(60))
        var done = ProgressBar(total: 5, unit: "files", line: line, started: start)
        done.update(5, at: start + .seconds(60))
        #expect(texts.values.isEmpty)
    }
}

private final class Texts: Sendable {
    private let texts = Mutex<[String]>([])

    func append(_ text: String) { texts.withLock { $0.append(text) } }
    var values: [String] { texts.withLock { $0 } }
}
