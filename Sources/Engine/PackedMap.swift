import CKernels
import Synchronization

/// An affine map's weight and bias in the order in which the product reads them, made when first needed and then shared
/// by every plan.
final class PackedMap: Sendable {
    private let packed = Mutex<Storage?>(nil)

    func storage(_ weight: Matrix, _ bias: Matrix?) -> Storage {
        packed.withLock { packed in
            if let packed { return packed }
            let storage = Storage(zeros: ck_packed_count(weight.rows, weight.columns))
            ck_pack(weight.pointer, weight.stride, bias?.pointer, weight.rows, weight.columns, storage.base)
            packed = storage
            return storage
        }
    }
}

/// Matrix products of the project's own, for parameters that no longer change.
///
/// A row of a result is computed in the same order wherever it stands, so it depends neither on the other rows nor on
/// how rows are shared among threads. With the weights packed they also need no copies of their own, which OpenBLAS
/// makes anew in every call.
enum PackedProducts {
    static let instructions = ck_best_instructions()

    /// y = map(x), or y += map(x); `packed` is the map's.
    static func apply(
        _ packed: Storage, to x: Matrix, accumulating: Bool = false, into y: Matrix,
        instructions: Int32 = PackedProducts.instructions
    ) {
        precondition(packed.count >= ck_packed_count(y.columns, x.columns) && x.rows == y.rows, "packed map's shapes")
        ck_multiply_packed(
            x.pointer, x.stride, x.rows, packed.base, y.columns, x.columns, y.pointer, y.stride, accumulating ? 1 : 0,
            instructions)
    }
}
