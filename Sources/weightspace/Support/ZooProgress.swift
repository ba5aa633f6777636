import Foundation
import Synchronization
import Zoo

/// The display of a zoo's progress: one line, redrawn, on a terminal; elsewhere a new line every minute.
final class ZooProgress: Sendable {
    private let total: Int
    private let started = ContinuousClock.now
    private let line = Mutex(ProgressLine(lineInterval: .seconds(60)))

    init(total: Int) { self.total = total }

    var seconds: Double { (.now - started) / Duration.seconds(1) }

    /// Shows what has been done; for any thread.
    func show(_ progress: ZooRun.Progress) {
        guard progress.done < total else { return }
        line.withLock { line in
            line.show(Double(progress.done) / Double(max(1, total))) {
                var text = "\(progress.done)/\(total) networks"
                if let accuracy = progress.meanAccuracy {
                    text += "  mean test accuracy \(String(format: "%.3f", accuracy))"
                }
                if progress.diverged > 0 { text += "  \(progress.diverged) diverged" }
                let rate = Double(progress.trained) / max(seconds, 1e-9)
                if rate > 0 {
                    let left = Double(total - progress.done) / rate
                    text += "  \(String(format: "%.2f", rate))/s  \(Terminal.duration(left)) left"
                }
                return text
            }
        }
    }

    /// Removes the line from a terminal.
    func clear() { line.withLock { $0.clear() } }
}
