import Engine
import Tensors

/// A parameter of the state dict and the matrix in which a layer holds its elements.
package struct ParameterBinding: Sendable {
    package let name: String
    package let shape: [Int]
    package let matrix: Matrix
    /// matrix[i] = factor · tensor[order[i]]; factor · tensor[i] where nil.
    private let order: [Int]?
    private let factor: Float

    init(name: String, shape: [Int], matrix: Matrix, order: [Int]?, factor: Float) {
        self.name = name
        self.shape = shape
        self.matrix = matrix
        self.order = order
        self.factor = factor
    }

    /// The tensor of the state dict that corresponds to the elements of `matrix`, by default the layer's.
    package func tensor(_ matrix: Matrix? = nil) -> Tensor {
        unordered((matrix ?? self.matrix).read(), factor: 1 / factor)
    }

    /// The gradient of the tensor, given that of the matrix.
    package func gradient(_ matrix: Matrix) -> Tensor { unordered(matrix.read(), factor: factor) }

    /// Overwrites `matrix`, by default the layer's, by the elements of a tensor of the state dict.
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
