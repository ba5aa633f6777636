import Datasets
import Foundation
import Host
import WeightFormats

/// A table of texts with one row for each network.
package struct ImportTable: Sendable, Equatable {
    /// The file's path, for messages.
    package let path: String
    /// The columns' names as the file has them.
    package let columns: [String]
    /// Each with as many cells as there are columns; empty where a value is missing.
    package let rows: [[String]]
    /// The number of each row's line, or of its element from 1.
    package let lines: [Int]

    /// Rows of as many cells as there are columns.
    package init(path: String, columns: [String], rows: [[String]], lines: [Int]) {
        (self.path, self.columns, self.rows, self.lines) = (path, columns, rows, lines)
    }

    /// Reads a table: CSV, TSV, JSON or JSON lines, recognised by the content, also compressed with gzip.
    ///
    /// In JSON: an array of objects; an object of labels or of objects by file; an object of columns, `{"file": [...],
    /// "label": [...]}`; or an object of splits, `{"train": {"path": [...], "label": [...]}, "val": …}` or `{"train":
    /// [paths], …}`.
    /// - Throws: an error that names the file and the line.
    package init(contentsOf path: String) throws(DatasetError) {
        try self.init(path: path, bytes: try readTableFile(path))
    }

    /// Reads the content of a table.
    package init(path: String, bytes: [UInt8]) throws(DatasetError) {
        do throws(DatasetError) {
            let start = bytes.first { ![0x20, 9, 10, 13, 0xef, 0xbb, 0xbf].contains($0) }
            switch start {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                self = try Self.document(path, bytes)
            case nil: throw DatasetError("the table is empty")
            default: self = try Self.delimited(path, bytes)
            }
        } catch {
            throw DatasetError("'\(path)': \(error)")
        }
    }

    private static func delimited(_ path: String, _ bytes: [UInt8]) throws(DatasetError) -> ImportTable {
        let rows = try DelimitedText.rows(bytes, separator: DelimitedText.separator(bytes))
        guard let header = rows.first, rows.count > 1 else {
            throw DatasetError("expected a line with the columns' names and then a line for each network")
        }
        for row in rows.dropFirst() where row.cells.count != header.cells.count {
            throw DatasetError(
                "line \(row.line): expected \(header.cells.count) cells, as in the first line, received \(row.cells.count)"
            )
        }
        return try ImportTable(
            path: path, columns: checked(header.cells), rows: rows.dropFirst().map(\.cells),
            lines: rows.dropFirst().map(\.line))
    }

    /// The names if they are distinct; a nameless one, as of an index that pandas wrote, is allowed once.
    static func checked(_ names: [String]) throws(DatasetError) -> [String] {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw DatasetError("column '\(name.prefix(80))' is there twice")
        }
        return names
    }

    /// The number of a column; nil where there is none of that name.
    func column(_ name: String) -> Int? { columns.firstIndex(of: name) }
}

/// The bytes of a table, inflated where they are a gzip file.
func readTableFile(_ path: String) throws(DatasetError) -> [UInt8] {
    var limits = FormatLimits.checkpoint
    limits.maxInflatedBytes = 4 << 30
    do {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        return bytes.starts(with: [0x1f, 0x8b]) ? try CompressedStream.gzip.decode(bytes, limits: limits) : bytes
    } catch let error as FormatError {
        throw DatasetError("'\(path)': \(error.detail)")
    } catch {
        throw DatasetError(FileError(.read, path, error).description)
    }
}
