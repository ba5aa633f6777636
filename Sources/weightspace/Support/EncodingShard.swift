import Datasets
import Foundation
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import WeightFormats

/// One of several parts of a list of files, encoded into a file of its own. The same command continues a run that was
/// killed, and does nothing where the file is complete.
struct EncodingShard {
    let index: Int
    let count: Int

    /// Files between two saves of the partial result.
    private static let filesAtATime = 4096

    /// - Parameter text: `I/N`, with I from 0.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 0, index < count else {
            return nil
        }
        (self.index, self.count) = (index, count)
    }

    /// The shard's files: consecutive ones. The lengths of all shards differ by at most one.
    func part(of files: [String]) -> [String] {
        Array(files[files.count * index / count..<files.count * (index + 1) / count])
    }

    private var name: String {
        "latents-\(InrShards.padded(index, 5))-of-\(InrShards.padded(count, 5))"
    }

    /// Encodes the part of `files` into `folder`; returns how many networks failed.
    func encode(_ files: [String], into folder: String, with run: BatchRun, shape: [Int]) throws -> Int {
        try OutputFile.createFolder(folder)
        let part = part(of: files)
        let whole = "\(folder)/\(name).safetensors"
        // Hidden, so that a pattern such as *.safetensors finds only complete parts.
        let partial = "\(folder)/.\(name).partial"
        let list = identity(part, run)
        if let done = try read(whole, list, run, shape) {
            try? FileManager.default.removeItem(atPath: partial)
            return done.latents.failures
        }
        var (latents, next) = try read(partial, list, run, shape) ?? (LatentsFile(shape: shape), 0)
        while next < part.count {
            let end = min(part.count, next + Self.filesAtATime)
            _ = try run(Array(part[next..<end])) { latents.append($0) }
            next = end
            if next < part.count { try write(latents, next, list, run.model, to: partial) }
        }
        try write(latents, next, list, run.model, to: whole)
        try? FileManager.default.removeItem(atPath: partial)
        return latents.failures
    }

    /// SHA-256 of what the rows depend on besides the model: paths, sizes and modification times of the files, and the
    /// options for reading them.
    private func identity(_ files: [String], _ run: BatchRun) -> String {
        let (convention, omega0) = (run.convention.convention, run.convention.omega0)
        var lines = [convention?.rawValue ?? "detected", omega0.map(\.description) ?? "the model's"]
        for file in files {
            let facts = try? FileManager.default.attributesOfItem(atPath: file)
            let changed = (facts?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            lines.append("\(file)\t\(facts?[.size] as? Int ?? 0)\t\(changed)")
        }
        return ContentDigest.hexadecimal(Array(lines.joined(separator: "\n").utf8))
    }

    private func write(_ latents: LatentsFile, _ next: Int, _ list: String, _ model: ServedModel, to path: String)
        throws
    {
        try OutputFile.write(latents.safetensors(model, ["list": list, "next": String(next)]), to: path)
    }

    /// The result of an earlier run; nil without one.
    /// - Throws: where it was made from other files, by another model or with other options.
    private func read(
        _ path: String, _ list: String, _ run: BatchRun, _ shape: [Int]
    ) throws -> (latents: LatentsFile, next: Int)? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let state: StateDict
        do {
            // The limits protect from strangers' files; this one is the program's own, however large.
            var limits = FormatLimits.checkpoint
            limits.maxInflatedBytes = max(limits.maxInflatedBytes, data.count)
            limits.maxSafetensorsHeaderBytes = max(limits.maxSafetensorsHeaderBytes, data.count)
            state = try WeightFile.read([UInt8](data), limits: limits).stateDict()
        } catch {
            throw CommandFailure("'\(path)' cannot be read; remove it to start again: \(reason(error))")
        }
        guard state.metadata["list"] == list, state.metadata["sha256"] == run.model.sha256,
            let next = state.metadata["next"].flatMap({ Int($0) }), let latents = try LatentsFile(state, shape: shape)
        else {
            throw CommandFailure(
                "'\(path)' was made from other files, by another model or with other options; remove it to start again")
        }
        return (latents, next)
    }
}
