import Foundation
import Host
import Tensors
import WeightFormats

/// The state of a run from which it can continue with the same bits: `checkpoint.safetensors` in the run's folder.
package struct RunCheckpoint: Sendable {
    /// The number of steps done.
    package let step: Int
    /// For each loss the sum of its batch means since the last row of the metrics.
    package let lossSums: [Double]
    /// SHA-256 of the recipe, the data and the names of the initial model folders. A run continues only from a
    /// checkpoint of equal identity.
    package let identity: String
    /// `LearnedParameters.tensors()`.
    package let tensors: StateDict

    /// A checkpoint to write.
    package init(step: Int, lossSums: [Double], identity: String, tensors: [NamedTensor]) {
        self.step = step
        self.lossSums = lossSums
        self.identity = identity
        self.tensors = StateDict(tensors)
    }

    private static let name = "checkpoint.safetensors"

    /// Replaces the folder's checkpoint atomically: after an interruption the folder has the old or the new one,
    /// complete.
    /// - Throws: `RunError` where the file cannot be written.
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

    /// Reads the folder's checkpoint; nil where there is none.
    /// - Parameters:
    ///   - identity: the identity of the run that is to continue.
    ///   - shapes: the names and shapes of its tensors; the file must hold exactly these.
    /// - Throws: `RunError` where the file is unreadable, of another run, or its tensors are others.
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
            throw failure(
                "it belongs to a run of another recipe, other data or other initial parameters; choose another folder")
        }
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            guard let tensor = state[name] else { throw failure("tensor '\(name)' is missing") }
            guard tensor.shape == shape else {
                throw failure("tensor '\(name)': expected shape \(shape), received \(tensor.shape)")
            }
        }
        if let extra = state.names.first(where: { shapes[$0] == nil }) { throw failure("unexpected tensor '\(extra)'") }
        let sums = (state.metadata["loss_sums"] ?? "").split(separator: " ").compactMap { UInt64($0) }
        guard let step = Int(state.metadata["step"] ?? "") else {
            throw failure("metadata 'step': expected a whole number, received '\(state.metadata["step"] ?? "")'")
        }
        return RunCheckpoint(
            step: step, lossSums: sums.map { Double(bitPattern: $0) }, identity: identity, tensors: state.entries)
    }
}

/// Why a training run cannot start or continue.
package struct RunError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line that names the member, file or tensor.
    package let description: String

    /// An error with this line of text.
    package init(_ description: String) { self.description = description }
}
