import Datasets
import Foundation
import Host
import Networks
import Tensors
import WeightFormats

/// A file of networks, or one in an archive.
struct InputFile: Sendable {
    enum Content: Sendable {
        case file
        /// A file of an archive, by its number.
        case entry(FileArchive, Int)
        /// A matrix with a network in each row.
        case rows(RowSource)
        /// A shard of a corpus.
        case shard
    }

    /// The path with which it is opened; of a file in an archive, the archive's and then its own.
    let path: String
    /// The name in the corpus.
    let name: String
    let isFound: Bool
    let root: Int
    let content: Content
}

/// A piece of work: a file, or some rows of a matrix.
struct ImportUnit: Sendable, Equatable {
    let file: Int
    /// Rows of a matrix; nil for a whole file.
    let rows: Range<Int>?
}

/// Everything that is to be read, in order.
struct InputFiles: Sendable {
    private(set) var files: [InputFile] = []
    private(set) var units: [ImportUnit] = []

    /// Rows of a matrix that are read at a time.
    static let rowsAtATime = 128
    /// Endings of files that hold no networks and are not opened where they are found in a folder.
    private static let passedOver: Set = [
        "csv", "tsv", "jsonl", "md", "txt", "log", "svg", "png", "jpg", "jpeg", "pdf", "py", "sh", "yaml", "yml",
        "html",
    ]
    private static let archiveEndings: Set = ["zip", "tar", "tgz", "gz"]

    /// - Throws: where a named path or an archive cannot be read.
    init(_ options: ImportOptions, excluding excluded: [String]) throws(DatasetError) {
        if options.layout == .cnnZoo { return }
        for listed in try FileListing(options.paths, excluding: excluded).files {
            let ending = Self.ending(listed.name)
            if listed.isFound, Self.passedOver.contains(ending) { continue }
            let several = options.paths.count > 1 && listed.isFound
            let name = several ? PathIndex.name(options.paths[listed.root]) + "/" + listed.name : listed.name
            func append(_ content: InputFile.Content) {
                files.append(
                    InputFile(
                        path: listed.path, name: name, isFound: listed.isFound, root: listed.root, content: content))
            }
            if ending == "safetensors", ShardPreview(listed.path) != nil {
                append(.shard)
            } else if ending == "npy", let spec = options.spec, let rows = RowSource(path: listed.path, spec: spec) {
                append(.rows(rows))
            } else if Self.archiveEndings.contains(ending), let archive = try Self.archive(listed.path) {
                let order = archive.names.indices.sorted { naturallyPrecedes(archive.names[$0], archive.names[$1]) }
                for index in order where !Self.passedOver.contains(Self.ending(archive.names[index])) {
                    files.append(
                        InputFile(
                            path: listed.path + "/" + archive.names[index], name: name + "/" + archive.names[index],
                            isFound: true, root: listed.root, content: .entry(archive, index)))
                }
            } else {
                append(.file)
            }
        }
        units = files.indices.flatMap(units)
    }

    /// The rows of a folder of the Small CNN Zoo.
    mutating func append(_ zoo: ZooFolder, root: Int) {
        files.append(
            InputFile(path: zoo.rows.path, name: "weights.npy", isFound: false, root: root, content: .rows(zoo.rows)))
        units += units(files.count - 1)
    }

    private func units(_ file: Int) -> [ImportUnit] {
        guard case .rows(let rows) = files[file].content else { return [ImportUnit(file: file, rows: nil)] }
        return stride(from: 0, to: rows.matrix.rows, by: Self.rowsAtATime).map { start in
            ImportUnit(file: file, rows: start..<min(start + Self.rowsAtATime, rows.matrix.rows))
        }
    }

    static func ending(_ name: String) -> String {
        let name = PathIndex.name(name)
        return name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]).lowercased() } ?? ""
    }

    /// The archive in a file, which may be compressed as a whole; nil where it is none.
    private static func archive(_ path: String) throws(DatasetError) -> FileArchive? {
        do {
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            if bytes.starts(with: [0x1f, 0x8b]) {
                bytes = try CompressedStream.gzip.decode(bytes, limits: UnitReader.limits)
            }
            return try FileArchive(bytes, limits: UnitReader.limits)
        } catch let error as FormatError {
            throw DatasetError("'\(path)': \(error.detail)")
        } catch {
            throw DatasetError(FileError(.read, path, error).description)
        }
    }
}

/// What the header of a safetensors file tells of a shard of a corpus.
struct ShardPreview {
    /// The names of the tensors.
    let tensors: Set<String>

    /// - Returns: nil where the file is no shard: one with a tensor `weights` and the metadata `sizes`.
    init?(_ path: String) {
        guard let file = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)) else { return nil }
        defer { try? file.close() }
        guard let start = try? file.read(upToCount: 8), start.count == 8 else { return nil }
        let length = start.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= 64 << 20, let text = try? file.read(upToCount: Int(length)),
            let header = try? JSONValue.parse([UInt8](text), limits: .checkpoint),
            header["weights"] != nil, header["__metadata__"]?["sizes"] != nil
        else { return nil }
        tensors = Set((header.members ?? []).map(\.name))
    }
}
