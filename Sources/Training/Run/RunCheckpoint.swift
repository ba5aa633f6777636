import Foundation
import Host
import Tensors
import WeightFormats

/// What a stopped run needs to go on bit for bit: tensors by name, and a few facts.
package struct RunCheckpoint: Sendable {
    /// Steps done.
    package let step: Int
    /// Sums of the losses since the last row of the metrics.
    package let lossSums: [Double]
    /// The recipe and data that the run was started with, told apart by their digest.
    package let identity: String
    package let tensors: StateDict

    package init(step: Int, lossSums: [Double], identity: String, tensors: [NamedTensor]) {
        self.step = step
        self.lossSums = lossSums
        self.identity = identity
        self.tensors = StateDict(tensors)
    }

    private static let name = "checkpoint.safetensors"

    /// Replaces the folder's checkpoint; whenever it is interrupted, the old one or the new one is there whole.
    package func write(to folder: URL) throws(RunError) {
        var state = tensors
        state.metadata = [
            "step": String(step), "identity": identity,
            "loss_sums": lossSums.map { String($0.bitPattern) }.joined(separator: " "),
        ]
        let target = folder.appendingPathComponent(Self.name)
        do {
            try Data(SafetensorsWriter.write(state)).write(to: target, options: .atomic)
        } catch {
            throw RunError(FileError(.write, target.path, error).description)
        }
    }

    /// The folder's checkpoint; nil where there is none.
    /// - Parameter shapes: the tensors that the run needs, no more and no less.
    package static func read(
        from folder: URL, identity: String, shapes: [String: [Int]]
    ) throws(RunError) -> RunCheckpoint? {
        let path = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: path.path) else { return nil }
        func failure(_ reason: String) -> RunError { RunError("'\(path.path)': \(reason)") }
        let state: StateDict
        do {
            state = try WeightFile.read([UInt8](try Data(contentsOf: path)), limits: .checkpoint).stateDict()
        } catch let error as FormatError {
            throw failure(error.detail)
        } catch {
            throw RunError(FileError(.read, path.path, error).description)
        }
        guard state.metadata["identity"] == identity else {
            throw failure("it belongs to a run of another recipe or other data; choose another folder")
        }
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            guard let tensor = state[name] else { throw failure("tensor '\(name)' is missing") }
            guard tensor.shape == shape else {
                throw failure("tensor '\(name)': expected shape \(shape), received \(tensor.shape)")
            }
        }
        if let extra = state.names.first(where: { shapes[$0] == nil }) { throw failure("unexpected tensor '\(extra)'") }
        let sums = (state.metadata["loss_sums"] ?? "").split(separator: " ").compactMap { UInt64($0) }
        guard let step = Int(state.metadata["step"] ?? "") else { throw failure("metadata 'step' is no number") }
        return RunCheckpoint(
            step: step, lossSums: sums.map { Double(bitPattern: $0) }, identity: identity, tensors: state.entries)
    }
}

/// Why a training run cannot start or go on.
package struct RunError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
