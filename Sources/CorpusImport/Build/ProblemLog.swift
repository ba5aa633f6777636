import Datasets
import Foundation
import Host
import WeightFormats

/// `problems.jsonl` in the corpus' folder: a line for each file or network that was not imported.
struct ProblemLog {
    private let path: String
    private var lines: [UInt8] = []
    /// Bytes of the file with the lines that are not written yet.
    private(set) var size: Int

    /// - Parameter size: the bytes that are kept of a file that is there.
    init(_ folder: String, size: Int) {
        path = folder + "/problems.jsonl"
        self.size = size
    }

    mutating func append(_ problem: ImportProblem) {
        var json = JSONWriter()
        json.beginObject()
        json.member("file", problem.file)
        json.member("code", problem.code)
        json.member("detail", problem.detail)
        json.endObject()
        lines += json.bytes + [UInt8(ascii: "\n")]
        size += json.bytes.count + 1
    }

    /// Writes the lines after the ones that are kept.
    mutating func write() throws(DatasetError) {
        let kept = size - lines.count
        do {
            if !FileManager.default.fileExists(atPath: path) {
                guard size > 0 else { return }
                try Data().write(to: URL(fileURLWithPath: path))
            }
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.truncate(atOffset: UInt64(kept))
            try file.seek(toOffset: UInt64(kept))
            try file.write(contentsOf: Data(lines))
            lines = []
        } catch {
            throw DatasetError(FileError(.write, path, error).description)
        }
    }
}
