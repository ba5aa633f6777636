import Datasets
import Foundation
import Synchronization

/// Counts fits as they are finished, on any thread, and shows their progress.
final class FitProgress: Sendable {
    private struct State {
        var fitted = 0
        var skipped = 0
        var bar: ProgressBar
    }

    private let started = ContinuousClock.now
    private let state: Mutex<State>

    init(total: Int) { state = Mutex(State(bar: ProgressBar(total: total, unit: "networks"))) }

    /// Counts one fit.
    func advance() {
        state.withLock { state in
            state.fitted += 1
            if state.fitted % 16 == 0 { state.bar.update(state.fitted + state.skipped, counted: state.fitted) }
        }
    }

    /// Counts networks that an earlier run has fitted.
    func skip(_ count: Int) { state.withLock { $0.skipped += count } }

    /// Removes the progress line from a terminal.
    func finish() { state.withLock { $0.bar.clear() } }

    var fitted: Int { state.withLock { $0.fitted } }
    var seconds: Double { (.now - started) / Duration.seconds(1) }
}

/// The number of networks, and the mean and lowest PSNR, in dB.
struct FitStatistics {
    private var count = 0
    private var sum = 0.0
    private var worst = Float.infinity

    mutating func add(_ networks: [FittedInr]) {
        count += networks.count
        for network in networks {
            sum += Double(network.psnr)
            worst = min(worst, network.psnr)
        }
    }

    func summary(seconds: Double, fitted: Int) -> String {
        func rounded(_ value: Double) -> String { String(format: "%.2f", value) }
        var text =
            "\(count) networks, mean PSNR \(rounded(sum / Double(max(1, count)))) dB, lowest \(rounded(Double(worst))) dB"
        if fitted > 0 { text += ", \(rounded(1000 * seconds / Double(fitted))) ms each" }
        return text
    }
}
