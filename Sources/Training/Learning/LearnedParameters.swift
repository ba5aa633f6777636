import Engine
import NeuralFunctionals
import Tensors

/// A model's parameters while it learns: their values, the optimiser's moments and the running averages that are kept in
/// the end.
package struct LearnedParameters: Sendable {
    /// One parameter of one of the model's files.
    struct Slot: Sendable {
        let file: String
        let binding: ParameterBinding
        let moments: (Matrix, Matrix)
        let average: Matrix

        var matrix: Matrix { binding.matrix }
        /// Vectors (biases, gains, offsets) are not pulled towards zero.
        var decays: Bool { binding.shape.count > 1 }
        var name: String { "\(file):\(binding.name)" }
    }

    let slots: [Slot]
    /// Every tensor of every file, buffers included.
    private let files: [(name: String, contents: StateDict)]
    /// What is stored beside the parameters and set before the first step, by file.
    private let buffers: [(file: String, binding: ParameterBinding)]

    /// - Parameter frozen: files whose parameters stay as they are.
    package init(_ readers: [(file: String, reader: ParameterReader)], frozen: Set<String>) {
        files = readers.map { ($0.file, $0.reader.dictionary) }
        buffers = readers.flatMap { file, reader in reader.buffers.map { (file, $0) } }
        slots = readers.filter { !frozen.contains($0.file) }.flatMap { file, reader in
            reader.bindings.map { binding in
                let matrix = binding.matrix
                func zeros() -> Matrix { Matrix(zeros: matrix.rows, matrix.columns) }
                let average = zeros()
                average.assign(matrix)
                return Slot(file: file, binding: binding, moments: (zeros(), zeros()), average: average)
            }
        }
    }

    /// Numbers that the model's files hold, learned here or not.
    package var totalCount: Int {
        files.reduce(0) { $0 + $1.contents.entries.reduce(0) { $0 + $1.tensor.count } }
    }

    /// Numbers that are learned.
    package var count: Int { slots.reduce(0) { $0 + $1.matrix.count } }

    /// The state dicts of the model's files with the averages as parameters.
    package func averagedFiles() -> [(name: String, contents: StateDict)] {
        files.map { name, contents in
            var result = contents
            for (file, buffer) in buffers where file == name {
                result.set(NamedTensor(name: buffer.name, tensor: buffer.tensor()))
            }
            for slot in slots where slot.file == name {
                result.set(NamedTensor(name: slot.binding.name, tensor: slot.binding.tensor(slot.average)))
            }
            return (name, result)
        }
    }

    /// Runs `body` with the averages in the parameters' place.
    package func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
        let own = slots.map { $0.matrix.read() }
        for slot in slots { slot.matrix.assign(slot.average) }
        defer { for (slot, values) in zip(slots, own) { slot.matrix.write(values) } }
        return try body()
    }

    // MARK: Checkpoints

    private static let kinds = ["value", "mean", "square", "average"]

    private func matrices(_ slot: Slot) -> [Matrix] { [slot.matrix, slot.moments.0, slot.moments.1, slot.average] }

    /// Everything that a run needs to go on, by name.
    package func tensors() -> [NamedTensor] {
        slots.flatMap { slot in
            zip(Self.kinds, matrices(slot)).map { kind, matrix in
                NamedTensor(
                    name: "\(kind).\(slot.name)",
                    tensor: Tensor(shape: [matrix.rows, matrix.columns], values: matrix.read()))
            }
        }
    }

    /// The shapes of `tensors()`.
    package func shapes() -> [String: [Int]] {
        Dictionary(
            uniqueKeysWithValues: slots.flatMap { slot in
                Self.kinds.map { ("\($0).\(slot.name)", [slot.matrix.rows, slot.matrix.columns]) }
            })
    }

    /// The inverse of `tensors()`; the caller has checked names and shapes.
    package func restore(_ state: StateDict) {
        for slot in slots {
            for (kind, matrix) in zip(Self.kinds, matrices(slot)) {
                if let tensor = state["\(kind).\(slot.name)"] { matrix.write(tensor.values) }
            }
        }
    }
}
