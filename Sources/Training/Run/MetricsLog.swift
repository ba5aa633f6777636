import Foundation
import Host

/// A run's numbers as CSV: one row whenever the model was looked at, nothing in it that depends on the clock.
package struct MetricsLog: Sendable {
    package let url: URL
    package let columns: [String]

    /// - Parameter columns: the first one counts steps.
    package init(_ url: URL, columns: [String]) {
        self.url = url
        self.columns = columns
    }

    /// Begins the file, or drops the rows after `step`, so that a run that goes on writes what an unbroken one would.
    package func prepare(keepingUpTo step: Int) throws(RunError) {
        let rows = try read().filter { ($0.first ?? .infinity) <= Double(step) }
        try write(([columns.joined(separator: ",")] + rows.map(Self.line)).joined(separator: "\n") + "\n")
    }

    package func append(_ row: [Double]) throws(RunError) {
        do {
            let handle = try FileHandle(forWritingTo: url)
            try handle.seekToEnd()
            try handle.write(contentsOf: Data((Self.line(row) + "\n").utf8))
            try handle.close()
        } catch {
            throw failure(error)
        }
    }

    /// Every whole row; none where there is no file.
    package func read() throws(RunError) -> [[Double]] {
        guard let data = FileManager.default.contents(atPath: url.path) else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first.map(String.init) == columns.joined(separator: ",") else {
            throw RunError("'\(url.path)': expected the columns \(columns.joined(separator: ","))")
        }
        // Without its line end the last row may be cut short.
        return lines.dropFirst().dropLast().compactMap { line in
            let row = line.split(separator: ",", omittingEmptySubsequences: false).compactMap { Double($0) }
            return row.count == columns.count ? row : nil
        }
    }

    private static func line(_ row: [Double]) -> String {
        row.map { $0 == $0.rounded() && abs($0) < 1e15 ? String(Int($0)) : String($0) }.joined(separator: ",")
    }

    private func write(_ text: String) throws(RunError) {
        do {
            try Data(text.utf8).write(to: url, options: .atomic)
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: any Error) -> RunError { RunError(FileError(.write, url.path, error).description) }
}
