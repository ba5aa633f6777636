import Engine
import Tensors

/// A parameter of the state dict together with the matrix that holds its elements in a layer, which may be in another
/// order and multiplied by a constant.
package struct ParameterBinding: Sendable {
    /// The full name in the state dict, `encoder.2.ln1.w_norms.0.gamma`.
    package let name: String
    /// The shape of the tensor in the state dict.
    package let shape: [Int]
    /// What the layer computes with: as many elements as the tensor.
    package let matrix: Matrix
    /// matrix[i] = factor · tensor[order[i]], in row-major order; order[i] = i where nil.
    private let order: [Int]?
    private let factor: Float

    init(name: String, shape: [Int], matrix: Matrix, order: [Int]?, factor: Float) {
        self.name = name
        self.shape = shape
        self.matrix = matrix
        self.order = order
        self.factor = factor
    }

    /// The tensor of the state dict that corresponds to the elements of `matrix`: tensor[order[i]] = matrix[i] /
    /// factor.
    /// - Parameter matrix: nil for the layer's own; otherwise one of the same size, such as an average over steps.
    package func tensor(_ matrix: Matrix? = nil) -> Tensor {
        unordered((matrix ?? self.matrix).read(), factor: 1 / factor)
    }

    /// The gradient with respect to the tensor, given that with respect to the matrix: by the chain rule
    /// tensor[order[i]] = factor · matrix[i].
    package func gradient(_ matrix: Matrix) -> Tensor { unordered(matrix.read(), factor: factor) }

    /// Overwrites `matrix` with a tensor of the state dict: matrix[i] = factor · tensor[order[i]].
    /// - Parameter matrix: nil for the layer's own.
    package func write(_ tensor: Tensor, to matrix: Matrix? = nil) {
        (matrix ?? self.matrix).write(Self.ordered(tensor.values, order, factor))
    }

    static func ordered(_ values: [Float], _ order: [Int]?, _ factor: Float) -> [Float] {
        let placed = order.map { $0.map { values[$0] } } ?? values
        return factor == 1 ? placed : placed.map { $0 * factor }
    }

    private func unordered(_ values: [Float], factor: Float) -> Tensor {
        var result = values
        if let order {
            for (place, source) in order.enumerated() { result[source] = values[place] }
        }
        return Tensor(shape: shape, values: factor == 1 ? result : result.map { $0 * factor })
    }
}
