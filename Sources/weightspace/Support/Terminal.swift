import Foundation
import Glibc

/// What goes to people rather than programs.
enum Terminal {
    static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// A line on standard error. A closed or full standard error is no reason to fail.
    static func complain(_ message: String) { write(message + "\n") }

    fileprivate static func write(_ text: String) {
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

    func update(_ done: Int) {
        guard isShown else { return }
        let width = 30
        let filled = done * width / max(total, 1)
        let seconds = (.now - started) / Duration.seconds(1)
        let rate = seconds > 0 ? Int(Double(done) / seconds) : 0
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        Terminal.write("\r\(bar) \(done)/\(total)  \(rate)/s ")
    }

    func clear() {
        if isShown { Terminal.write("\r\u{1B}[K") }
    }
}
