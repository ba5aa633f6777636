import Foundation
import Host
import Tensors
import WeightFormats

/// A folder of shards: safetensors files whose tensors and metadata `Docs/Training.md` lists. `CorpusShard` and
/// `ShardHeader` have their meaning.
package struct CorpusFolder: Sendable {
    /// The folder's path.
    package let path: String

    /// Reads and writes nothing.
    package init(_ path: String) { self.path = path }

    /// Creates the folder where it is missing.
    package func create() throws(DatasetError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw DatasetError(FileError(.create, path, error).description)
        }
    }

    /// The names of the shards' files, in natural order; empty where the folder has none.
    /// - Throws: where the folder cannot be read.
    package func names() throws(DatasetError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix(".") }
                .sorted(by: naturallyPrecedes)
        } catch {
            throw DatasetError(FileError(.read, path, error).description)
        }
    }

    /// Whether the folder has a file of that name.
    package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// The path of a shard's file.
    package func file(_ name: String) -> String { path + "/" + name }

    /// What the networks of a shard have in common.
    /// - Throws: where the file cannot be read or its metadata are not as expected.
    package func header(_ name: String) throws(DatasetError) -> ShardHeader {
        let metadata = try state(name).metadata
        return try within(name) { () throws(DatasetError) in try ShardHeader(metadata: metadata) }
    }

    /// Reads a shard and checks that its tensors and metadata fit together.
    /// - Throws: where the file cannot be read, or a tensor or a member of the metadata is missing or not as expected.
    package func read(_ name: String) throws(DatasetError) -> CorpusShard {
        let state = try state(name)
        return try within(name) { () throws(DatasetError) in try CorpusShard(state) }
    }

    /// Writes a shard atomically: the file exists only when it is complete.
    /// - Throws: where the file cannot be written.
    package func write(_ shard: CorpusShard, as name: String) throws(DatasetError) {
        let target = file(name)
        do {
            try Data(SafetensorsWriter.write(shard.stateDict)).write(to: URL(fileURLWithPath: target), options: .atomic)
        } catch {
            throw DatasetError(FileError(.write, target, error).description)
        }
    }

    private func within<Result>(
        _ name: String, _ body: () throws(DatasetError) -> Result
    ) throws(DatasetError) -> Result {
        do throws(DatasetError) { return try body() } catch { throw error.within(file(name)) }
    }

    private func state(_ name: String) throws(DatasetError) -> StateDict {
        do {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name))))
            return try WeightFile.read(bytes, limits: .checkpoint).stateDict()
        } catch let error as FormatError {
            throw DatasetError(error.detail).within(file(name))
        } catch {
            throw DatasetError(FileError(.read, file(name), error).description)
        }
    }
}
