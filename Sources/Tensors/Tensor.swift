/// A dense float32 array in row-major order.
package struct Tensor: Sendable, Equatable {
    /// Extents, outermost first; empty for a scalar.
    package let shape: [Int]
    /// The elements; their number is the product of `shape`.
    package var values: [Float]

    /// Traps unless the number of values is the product of `shape`.
    package init(shape: [Int], values: [Float]) {
        precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    /// A tensor of zeros.
    package init(zeros shape: [Int]) {
        self.init(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
    }

    /// The number of elements.
    package var count: Int { values.count }
    /// The number of axes.
    package var rank: Int { shape.count }

    /// The same elements with another shape of the same product; traps otherwise.
    package func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, values: values) }

    /// The elements at `index` of the first axis. Traps for a scalar and where the index is out of range.
    package func slice(_ index: Int) -> Tensor {
        let rest = Array(shape.dropFirst())
        let size = rest.reduce(1, *)
        return Tensor(shape: rest, values: Array(values[index * size..<(index + 1) * size]))
    }
}
