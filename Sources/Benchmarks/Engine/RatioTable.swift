import Foundation
import WeightFormats

/// Shares of the machine's rate of matrix products that two runs of measurements reached, side by side.
package struct RatioTable: Sendable {
    /// What was measured.
    package struct Key: Hashable, Sendable {
        package let what: String
        package let batch: Int
        package let threads: Int
    }

    /// A measurement of both runs, with its share of the machine's rate in each.
    package struct Row: Sendable, Equatable {
        package let key: Key
        /// Shares of the best rate of matrix products that was measured in the same run.
        package let then: Double
        package let now: Double

        /// Relative: −0.1 for a share that fell from 80 % to 72 %.
        package var change: Double { now / then - 1 }
        /// Whether the share fell by more than 10 %.
        package var isRegression: Bool { change < -RatioTable.tolerance }
    }

    /// The fall of a share, relative to what it was, above which it counts as a regression.
    package static let tolerance = 0.1

    /// What both runs measured, in the order of the second.
    package let rows: [Row]
    /// What only the first run measured.
    package let missing: Int
    /// What only the second run measured.
    package let added: Int

    package var regressions: [Row] { rows.filter(\.isRegression) }

    /// Compares the measurements that both runs have.
    package init(then: Ratios, now: Ratios) {
        rows = now.keys.compactMap { key in
            guard let old = then.shares[key], let new = now.shares[key] else { return nil }
            return Row(key: key, then: old, now: new)
        }
        missing = then.shares.count - rows.count
        added = now.shares.count - rows.count
    }

    /// A header, a line for each row, and a line of sums.
    package var text: String {
        let width = max(4, rows.map(\.key.what.count).max() ?? 0)
        func line(_ what: String, _ columns: [String], _ mark: String = "") -> String {
            let padded = what + String(repeating: " ", count: width - what.count)
            let cells = columns.map { String(repeating: " ", count: max(0, 8 - $0.count)) + $0 }
            return padded + cells.joined() + mark
        }
        var lines = [line("what", ["batch", "threads", "then", "now", "change"])]
        for row in rows {
            lines.append(
                line(
                    row.key.what,
                    [
                        "\(row.key.batch)", "\(row.key.threads)", String(format: "%.1f %%", 100 * row.then),
                        String(format: "%.1f %%", 100 * row.now), String(format: "%+.1f %%", 100 * row.change),
                    ], row.isRegression ? "  slower" : ""))
        }
        var sum = "\(rows.count) compared, \(regressions.count) slower by more than \(Int(100 * Self.tolerance)) %"
        if missing > 0 { sum += ", \(missing) measured then only" }
        if added > 0 { sum += ", \(added) measured now only" }
        return (lines + [sum]).joined(separator: "\n")
    }
}

/// Shares of the machine's rate of matrix products, by what was measured. Of several measurements of the same, the best:
/// others on the machine only make figures worse.
package struct Ratios: Sendable {
    /// In the order of the first measurement of each.
    package private(set) var keys: [RatioTable.Key] = []
    package private(set) var shares: [RatioTable.Key: Double] = [:]

    /// A run without measurements.
    package init() {}

    package mutating func add(_ key: RatioTable.Key, _ share: Double) {
        if shares[key] == nil { keys.append(key) }
        shares[key] = max(shares[key] ?? 0, share)
    }

    package mutating func add(_ measurement: SpeedMeasurement, bestRate: Double) {
        guard measurement.flops > 0, bestRate > 0 else { return }
        add(
            RatioTable.Key(what: measurement.name, batch: measurement.batch, threads: measurement.threads),
            measurement.rate / bestRate)
    }

    /// A line that is not a measurement, by its number from 1, and why.
    package struct BadLine: Error, Equatable {
        package let number: Int
        package let reason: String
    }

    /// Reads what `weightspace bench --json` prints, a JSON object a line; those without `share_of_sgemm` are left out.
    package init(lines text: [UInt8]) throws(BadLine) {
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            let value: JSONValue
            do {
                value = try JSONValue.parse(Array(line))
            } catch {
                throw BadLine(number: index + 1, reason: error.detail)
            }
            guard let share = value["share_of_sgemm"]?.double else { continue }
            guard share > 0, let what = value["what"]?.string, let batch = value["batch"]?.int,
                let threads = value["threads"]?.int
            else {
                throw BadLine(
                    number: index + 1,
                    reason: "share_of_sgemm needs to be above 0 and beside 'what', 'batch' and 'threads'")
            }
            add(RatioTable.Key(what: what, batch: batch, threads: threads), share)
        }
    }
}
