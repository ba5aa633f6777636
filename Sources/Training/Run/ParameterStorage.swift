import Tensors

/// How the parameters of a finished model are stored.
package enum ParameterStorage: String, CaseIterable, Sendable {
    /// All of them as they were trained.
    case float32
    /// Arrays of at least 4,096 numbers in 16 bits, 11 of them significant, which halves the files. Small ones, such as biases,
    /// norms and coordinates, stay as they are.
    case float16

    private static let leastCount = 4096

    /// The tensors with the types in which they are to be written.
    func typed(_ state: StateDict) -> StateDict {
        guard self == .float16 else { return state }
        var result = state
        for entry in state.entries where entry.elementType == .float32 && entry.tensor.count >= Self.leastCount {
            result.set(NamedTensor(name: entry.name, tensor: entry.tensor, elementType: .float16))
        }
        return result
    }
}
