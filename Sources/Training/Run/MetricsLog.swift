import Foundation
import Host

/// A run's metrics as a CSV file, one row for each evaluation. It holds no times, so that equal runs have equal files.
package struct MetricsLog: Sendable {
    /// The file.
    package let url: URL
    /// The names in the file's first line.
    package let columns: [String]

    /// - Parameter columns: the first one must be the number of steps done.
    package init(_ url: URL, columns: [String]) {
        self.url = url
        self.columns = columns
    }

    /// Creates the file, or removes the rows after `step` and an incomplete last row. A run that continues from a
    /// checkpoint thus writes the same file as a run without interruption.
    /// - Throws: `RunError` where the file has other columns or cannot be written.
    package func prepare(keepingUpTo step: Int) throws(RunError) {
        let rows = try read().filter { ($0.first ?? .infinity) <= Double(step) }
        try write(([columns.joined(separator: ",")] + rows.map(Self.line)).joined(separator: "\n") + "\n")
    }

    /// Appends a row.
    /// - Parameter row: one number for each column.
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

    /// All complete rows; empty where the file does not exist.
    /// - Throws: `RunError` where the file has other columns.
    package func read() throws(RunError) -> [[Double]] {
        guard let data = FileManager.default.contents(atPath: url.path) else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first.map(String.init) == columns.joined(separator: ",") else {
            throw RunError(
                "'\(url.path)': expected the columns \(columns.joined(separator: ",")), received \(lines.first ?? ""); choose another folder for the run"
            )
        }
        // The last element is empty, or a row whose line end, and perhaps more, was not written.
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
