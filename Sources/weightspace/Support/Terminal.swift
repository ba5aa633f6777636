import Foundation
import Glibc

/// Text output on standard error.
enum Terminal {
    /// Whether standard error is a terminal.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a message as a line.
    static func complain(_ message: String) { write(message + "\n") }

    /// A progress bar of `width` characters.
    static func bar(_ done: Int, of total: Int, width: Int = 30) -> String {
        let filled = min(width, done * width / max(total, 1))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// A number of seconds in words: `42 s`, `7 min`, `3 h 5 min`.
    static func duration(_ seconds: Double) -> String {
        let whole = seconds.isFinite ? Int(min(max(seconds, 0), 1e9)) : 0
        if whole < 100 { return "\(whole) s" }
        return whole < 6000 ? "\(whole / 60) min" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    /// Writes text without a line feed. Errors, such as a closed standard error, are ignored.
    static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// The progress of a computation: on a terminal one line that is redrawn in place, elsewhere a new line at intervals.
struct ProgressLine {
    private static let redrawInterval = Duration.milliseconds(100)

    private let isInteractive: Bool
    private let lineInterval: Duration
    private let write: @Sendable (String) -> Void
    private var shown: ContinuousClock.Instant?
    private let started: ContinuousClock.Instant

    /// - Parameters:
    ///   - lineInterval: the time between lines where standard error is not a terminal.
    ///   - started: the time from which the interval before the first line is measured.
    init(
        isInteractive: Bool = Terminal.isInteractive, lineInterval: Duration = .seconds(10),
        started: ContinuousClock.Instant = .now, write: @escaping @Sendable (String) -> Void = Terminal.write
    ) {
        self.isInteractive = isInteractive
        self.lineInterval = lineInterval
        self.started = started
        self.write = write
    }

    /// Shows the progress, unless the last display was less than an interval ago.
    /// - Parameters:
    ///   - share: the part of the work that is done, from 0 to 1, for the bar on a terminal.
    ///   - text: called only if it is shown.
    mutating func show(_ share: Double, at now: ContinuousClock.Instant = .now, _ text: () -> String) {
        let interval = isInteractive ? Self.redrawInterval : lineInterval
        guard now - (shown ?? started) >= interval else { return }
        shown = now
        write(
            isInteractive
                ? "\r\u{1B}[K\(Terminal.bar(Int(share * 1000), of: 1000, width: 16)) \(text())" : text() + "\n")
    }

    /// Removes the line from a terminal, so that other output can follow.
    func clear() {
        if isInteractive, shown != nil { write("\r\u{1B}[K") }
    }
}

/// The progress of work on many files or networks, with its rate and the remaining time.
struct ProgressBar {
    private let total: Int
    private let unit: String
    private let started: ContinuousClock.Instant
    private var line: ProgressLine

    /// - Parameter unit: the plural of what is counted.
    init(total: Int, unit: String, line: ProgressLine = ProgressLine(), started: ContinuousClock.Instant = .now) {
        self.total = total
        self.unit = unit
        self.line = line
        self.started = started
    }

    /// - Parameters:
    ///   - done: files or networks that are done.
    ///   - counted: how many of them were done since the start, for the rate; nil for all.
    mutating func update(_ done: Int, counted: Int? = nil, at now: ContinuousClock.Instant = .now) {
        // Nothing is shown for a single file, nor when all work is done.
        guard total > 1, done < total else { return }
        line.show(Double(done) / Double(total), at: now) { [total, unit, started] in
            let seconds = (now - started) / Duration.seconds(1)
            let rate = seconds > 0 ? Double(counted ?? done) / seconds : 0
            let left = rate > 0 ? "  " + Terminal.duration(Double(total - done) / rate) + " left" : ""
            return "\(done)/\(total) \(unit)  \(Int(rate))/s\(left)"
        }
    }

    func clear() { line.clear() }
}
