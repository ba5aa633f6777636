import Datasets
import Foundation
import Synchronization

/// Counts fits as they are done, on whichever thread.
final class FitProgress: Sendable {
    private struct Counts {
        var fitted = 0
        var skipped = 0
    }

    private let bar: ProgressBar
    private let started = ContinuousClock.now
    private let counts = Mutex(Counts())

    init(total: Int) { bar = ProgressBar(total: total) }

    func advance() {
        let counts = counts.withLock { counts in
            counts.fitted += 1
            return counts
        }
        if counts.fitted % 16 == 0 { bar.update(counts.fitted + counts.skipped, counted: counts.fitted) }
    }

    func skip(_ count: Int) { counts.withLock { $0.skipped += count } }

    func finish() { bar.clear() }

    var fitted: Int { counts.withLock { $0.fitted } }
    var seconds: Double { (.now - started) / Duration.seconds(1) }
}

/// What came of many fits.
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
