import Engine
import NeuralFunctionals
import Tensors

/// A model's parameters during training: their values, the optimiser's two moments, and their running averages, which
/// are the parameters of the finished model.
package struct LearnedParameters: Sendable {
    /// One trained parameter of one of the model's files.
    struct Slot: Sendable {
        let file: String
        let binding: ParameterBinding
        /// AdamW's first and second moment, of the parameter's shape.
        let moments: (Matrix, Matrix)
        /// The exponential moving average of the parameter's values.
        let average: Matrix

        var matrix: Matrix { binding.matrix }
        /// Whether weight decay applies: to matrices, but not to vectors (biases, gains, offsets).
        var decays: Bool { binding.shape.count > 1 }
        var name: String { "\(file):\(binding.name)" }
    }

    /// The trained parameters in the order in which the model reads them.
    let slots: [Slot]
    /// Every tensor of every file as it was read, buffers included.
    private let files: [(name: String, contents: StateDict)]
    /// Tensors that are stored but not trained, such as the statistics of the standardisation; set before the first
    /// step.
    private let buffers: [(file: String, binding: ParameterBinding)]

    /// - Parameters:
    ///   - readers: the readers from which the model was built, by the name of their file.
    ///   - frozen: files whose parameters are not trained.
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

    /// The number of elements in the model's files, trained or not.
    package var totalCount: Int {
        files.reduce(0) { $0 + $1.contents.entries.reduce(0) { $0 + $1.tensor.count } }
    }

    /// The number of trained elements.
    package var count: Int { slots.reduce(0) { $0 + $1.matrix.count } }

    /// The model's files with the averages as the values of trained parameters.
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

    /// Runs `body` while the model's parameters have the values of their averages, and then restores their own values.
    /// Not to be called while a training step runs.
    package func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
        let own = slots.map { $0.matrix.read() }
        for slot in slots { slot.matrix.assign(slot.average) }
        defer { for (slot, values) in zip(slots, own) { slot.matrix.write(values) } }
        return try body()
    }

    // MARK: Checkpoints

    /// Prefixes of the tensor names in a checkpoint: value, first moment, second moment, average.
    private static let kinds = ["value", "mean", "square", "average"]

    private func matrices(_ slot: Slot) -> [Matrix] { [slot.matrix, slot.moments.0, slot.moments.1, slot.average] }

    /// Values, moments and averages of all trained parameters, named `kind.file:parameter`, for a checkpoint.
    package func tensors() -> [NamedTensor] {
        slots.flatMap { slot in
            zip(Self.kinds, matrices(slot)).map { kind, matrix in
                NamedTensor(
                    name: "\(kind).\(slot.name)",
                    tensor: Tensor(shape: [matrix.rows, matrix.columns], values: matrix.read()))
            }
        }
    }

    /// The shapes of `tensors()` by name: (rows, columns) of the matrices.
    package func shapes() -> [String: [Int]] {
        Dictionary(
            uniqueKeysWithValues: slots.flatMap { slot in
                Self.kinds.map { ("\($0).\(slot.name)", [slot.matrix.rows, slot.matrix.columns]) }
            })
    }

    /// Sets values, moments and averages from `tensors()` of an earlier run. The caller has checked names and shapes.
    package func restore(_ state: StateDict) {
        for slot in slots {
            for (kind, matrix) in zip(Self.kinds, matrices(slot)) {
                if let tensor = state["\(kind).\(slot.name)"] { matrix.write(tensor.values) }
            }
        }
    }
}
