import Foundation
import Glibc

/// What goes to people rather than programs.
enum Terminal {
    static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// A line on standard error. A closed or full standard error is no reason to fail.
    static func complain(_ message: String) { write(message + "\n") }

    static func bar(_ done: Int, of total: Int, width: Int = 30) -> String {
        let filled = min(width, done * width / max(total, 1))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// `42 s`, `7 min`, `3 h 5 min`
    static func duration(_ seconds: Double) -> String {
        let whole = seconds.isFinite ? Int(min(max(seconds, 0), 1e9)) : 0
        if whole < 100 { return "\(whole) s" }
        return whole < 6000 ? "\(whole / 60) min" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// A bar on standard error for work on many files, shown only to a terminal.
struct ProgressBar {
    private let total: Int
    private let isShown: Bool
    private let started = ContinuousClock.now

    init(total: Int) {
        self.total = total
        isShown = total > 1 && Terminal.showsProgress
    }

    /// - Parameter counted: how many of them took the time since the start; all without it.
    func update(_ done: Int, counted: Int? = nil) {
        guard isShown else { return }
        let seconds = (.now - started) / Duration.seconds(1)
        let rate = seconds > 0 ? Double(counted ?? done) / seconds : 0
        let left = rate > 0 ? "  " + Terminal.duration(Double(total - done) / rate) + " left" : ""
        Terminal.write("\r\(Terminal.bar(done, of: total)) \(done)/\(total)  \(Int(rate))/s\(left) ")
    }

    func clear() {
        if isShown { Terminal.write("\r\u{1B}[K") }
    }
}
