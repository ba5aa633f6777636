import Engine
import Tensors

/// Where a parameter of the state dict stands in a layer's own memory.
package struct ParameterBinding: Sendable {
    package let name: String
    package let shape: [Int]
    package let matrix: Matrix
    /// Element i of the matrix is element `order[i]` of the tensor, times `factor`; in order where nil.
    private let order: [Int]?
    private let factor: Float

    init(name: String, shape: [Int], matrix: Matrix, order: [Int]?, factor: Float) {
        self.name = name
        self.shape = shape
        self.matrix = matrix
        self.order = order
        self.factor = factor
    }

    /// The tensor of the state dict that `matrix`, by default the layer's own, stands for.
    package func tensor(_ matrix: Matrix? = nil) -> Tensor {
        unordered((matrix ?? self.matrix).read(), factor: 1 / factor)
    }

    /// The gradient of the tensor from that of the matrix.
    package func gradient(_ matrix: Matrix) -> Tensor { unordered(matrix.read(), factor: factor) }

    /// Fills `matrix`, by default the layer's own, from a tensor of the state dict.
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
