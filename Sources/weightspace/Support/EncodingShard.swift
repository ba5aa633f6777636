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

    /// The number of files after which the partial result is saved.
    private static let filesAtATime = 4096

    /// - Parameter text: `I/N`, with I from 0.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 0, index < count else {
            return nil
        }
        (self.index, self.count) = (index, count)
    }

    /// The shard's files: from ⌊n · index / count⌋ to before ⌊n · (index + 1) / count⌋ of n files, so that the lengths
    /// of all shards differ by at most one.
    func part(of files: [String]) -> [String] {
        Array(files[files.count * index / count..<files.count * (index + 1) / count])
    }

    private var name: String {
        "latents-\(InrShards.padded(index, 5))-of-\(InrShards.padded(count, 5))"
    }

    /// Encodes the shard's part of `files` into a file in `folder`.
    /// - Returns: the number of networks that could not be encoded.
    func encode(_ files: [String], into folder: String, with run: BatchRun, shape: [Int]) throws -> Int {
        try OutputFile.createFolder(folder)
        let part = part(of: files)
        let whole = "\(folder)/\(name).safetensors"
        // Its name begins with a dot, so that a pattern such as *.safetensors matches only complete shards.
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

    /// SHA-256 of everything besides the model on which the rows depend: paths, sizes and modification times of the
    /// files, convention and ω₀, and how networks are found.
    private func identity(_ files: [String], _ run: BatchRun) -> String {
        let claimed = run.claims.applied(to: Notation())
        var lines = NotationPart.allCases.map { run.claims.sources[$0] == nil ? "detected" : "\(claimed)" }
        let reading: [(String, Any?)] = [
            ("member", run.reading.member), ("layout", run.reading.layout),
            ("batch_norm_eps", run.reading.batchNormEps),
        ]
        lines += reading.compactMap { name, value in value.map { "\(name) \($0)" } }
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

    /// The complete or partial result of an earlier run, and the number of files done; nil where there is no such file.
    /// - Throws: where it is unreadable, or made from other files, by another model or with other options.
    private func read(
        _ path: String, _ list: String, _ run: BatchRun, _ shape: [Int]
    ) throws -> (latents: LatentsFile, next: Int)? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let state: StateDict
        do {
            // The limits are for files of others. The program wrote this one itself, so it is read at any size.
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
