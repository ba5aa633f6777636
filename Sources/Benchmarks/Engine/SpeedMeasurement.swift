import Foundation
import WeightFormats

/// The durations of repeated runs of one computation.
package struct SpeedMeasurement: Sendable {
    /// What was computed.
    package let name: String
    /// Networks per run.
    package let batch: Int
    /// Threads that computed it.
    package let threads: Int
    /// The duration of each run, for the whole batch, in seconds.
    package let seconds: [Double]
    /// Floating-point additions and multiplications of one run's matrix products; 0 where they are not counted.
    package let flops: Int

    /// Runs `body` twice to warm up, then `repeats` times while measuring.
    package init(
        _ name: String, batch: Int = 1, threads: Int, repeats: Int, flops: Int = 0, _ body: () throws -> Void
    ) rethrows {
        for _ in 0..<2 { try body() }
        var seconds: [Double] = []
        for _ in 0..<max(1, repeats) {
            let start = ContinuousClock.now
            try body()
            seconds.append((.now - start) / Duration.seconds(1))
        }
        self.name = name
        self.batch = batch
        self.threads = threads
        self.seconds = seconds
        self.flops = flops
    }

    /// Seconds of the fastest run.
    package var minimum: Double { seconds.min() ?? 0 }
    /// Seconds of the median run.
    package var median: Double {
        let sorted = seconds.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
    /// Floating-point operations per second of the median run.
    package var rate: Double { Double(flops) / median }

    /// One line of JSON: `what`, `batch`, `threads`, milliseconds a network, and where `flops` is not 0 GFLOP/s and
    /// their share of `bestRate`.
    /// - Parameter bestRate: the machine's rate of matrix products in operations a second (`MachineRate`).
    package func json(bestRate: Double) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("what", name)
        writer.member("batch", batch)
        writer.member("threads", threads)
        writer.member("ms_per_inr_min", Float(1000 * minimum / Double(batch)))
        writer.member("ms_per_inr_median", Float(1000 * median / Double(batch)))
        if flops > 0 {
            writer.member("gflops", Float(rate / 1e9))
            writer.member("share_of_sgemm", Float(rate / bestRate))
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The content of `json` as a line of aligned columns.
    package func text(bestRate: Double) -> String {
        let columns = [
            name.padding(toLength: 26, withPad: " ", startingAt: 0), "batch \(batch)", "threads \(threads)",
            Self.time(minimum / Double(batch)) + " min", Self.time(median / Double(batch)) + " median",
        ]
        guard flops > 0 else { return columns.joined(separator: "  ") }
        let share = String(format: "%.1f GFLOP/s  %.0f %% of sgemm", rate / 1e9, 100 * rate / bestRate)
        return (columns + [share]).joined(separator: "  ")
    }

    private static func time(_ seconds: Double) -> String {
        seconds < 1e-3
            ? String(format: "%8.2f µs", seconds * 1e6) : String(format: "%8.3f ms", seconds * 1e3)
    }
}
