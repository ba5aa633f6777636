import Synchronization

/// An affine map's weight and bias in the order in which `ck_multiply_packed` reads them. Made when first asked for,
/// and shared by all plans of a model.
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
