/// A dense float32 array in row-major order: what files hold and what answers carry.
package struct Tensor: Sendable, Equatable {
    /// Extents, outermost first; empty for a scalar.
    package let shape: [Int]
    /// The elements, `shape`'s product many.
    package var values: [Float]

    /// The caller guarantees that `values` holds exactly as many elements as `shape` has places.
    package init(shape: [Int], values: [Float]) {
        precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    package init(zeros shape: [Int]) {
        self.init(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
    }

    package var count: Int { values.count }
    package var rank: Int { shape.count }

    /// The same elements under another shape of the same size.
    package func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, values: values) }

    /// The `index`th slice along the first axis. Rank must be at least one.
    package func slice(_ index: Int) -> Tensor {
        let rest = Array(shape.dropFirst())
        let size = rest.reduce(1, *)
        return Tensor(shape: rest, values: Array(values[index * size..<(index + 1) * size]))
    }
}
