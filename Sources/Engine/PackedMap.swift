import Synchronization

/// An affine map's weight and bias in the order in which the product reads them, made when first needed and then shared
/// by every plan.
final class PackedMap: Sendable {
    private let packed = Mutex<Matrix?>(nil)

    func matrix(_ weight: Matrix, _ bias: Matrix?) -> Matrix {
        packed.withLock { packed in
            if let packed { return packed }
            let matrix = Matrix(zeros: 1, Products.packedCount(outputs: weight.rows, inputs: weight.columns))
            Products.pack(weight, bias, into: matrix)
            packed = matrix
            return matrix
        }
    }
}
