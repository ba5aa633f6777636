import CKernels

/// Matrix products: the project's own kernels where they are faster than OpenBLAS, which copies its operands anew in
/// every call, and OpenBLAS where they are not.
///
/// Which of the two computes follows from the shapes alone, and a row of a result is computed in the same order wherever
/// it stands.
enum Products {
    static let instructions = ck_best_instructions()
    /// Narrower results leave most of a tile unused.
    private static let fewestColumns = 16
    /// Shorter scalar products spend their time on adding up lanes.
    private static let fewestTerms = 128

    /// What computes a product.
    enum Kernel: CaseIterable {
        /// `ck_multiply_matrices`: a · b or aᵀ · b in tiles of columns.
        case tiles
        /// `ck_multiply_rows`: a · bᵀ as scalar products of rows.
        case scalarProducts
        case blas
    }

    /// - Parameters:
    ///   - columns: of the result.
    ///   - depth: terms of each element of the result.
    static func kernel(columns: Int, depth: Int, transposingA: Bool, transposingB: Bool) -> Kernel {
        if !transposingB { return columns >= fewestColumns ? .tiles : .blas }
        return !transposingA && depth >= fewestTerms ? .scalarProducts : .blas
    }

    /// c = op(a) · op(b), or c += op(a) · op(b) where `accumulating`; op transposes where asked to.
    ///
    /// *Shapes:* op(a) (rows, depth), op(b) (depth, columns), c (rows, columns).
    static func multiply(
        _ a: Matrix, _ b: Matrix, transposingA: Bool = false, transposingB: Bool = false, accumulating: Bool = false,
        into c: Matrix
    ) {
        let depth = transposingA ? a.rows : a.columns
        switch kernel(columns: c.columns, depth: depth, transposingA: transposingA, transposingB: transposingB) {
        case .tiles:
            multiply(
                a, b, transposingA: transposingA, accumulating: accumulating, into: c, instructions: instructions)
        case .scalarProducts:
            multiplyRows(a, b, accumulating: accumulating, into: c, instructions: instructions)
        case .blas:
            BLAS.multiply(
                a, b, transposingA: transposingA, transposingB: transposingB, accumulating: accumulating, into: c)
        }
    }

    /// c = a · bᵀ, or c += of it.
    static func multiplyRows(_ a: Matrix, _ b: Matrix, accumulating: Bool, into c: Matrix, instructions: Int32) {
        precondition(a.rows == c.rows, "rows of the product")
        precondition(b.rows == c.columns, "columns of the product")
        precondition(a.columns == b.columns, "inner extents of the product")
        ck_multiply_rows(
            a.pointer, a.stride, c.rows, b.pointer, b.stride, c.columns, a.columns, c.pointer, c.stride,
            accumulating ? 1 : 0, instructions)
    }

    /// c = a · b, or aᵀ · b, or c += of them.
    static func multiply(
        _ a: Matrix, _ b: Matrix, transposingA: Bool, accumulating: Bool, into c: Matrix, instructions: Int32
    ) {
        let depth = transposingA ? a.rows : a.columns
        precondition((transposingA ? a.columns : a.rows) == c.rows, "rows of the product")
        precondition(b.columns == c.columns, "columns of the product")
        precondition(b.rows == depth, "inner extents of the product")
        ck_multiply_matrices(
            a.pointer, a.stride, transposingA ? 1 : 0, c.rows, b.pointer, b.stride, c.columns, depth, c.pointer,
            c.stride, accumulating ? 1 : 0, instructions)
    }

    // MARK: With a map packed before

    /// Floats of a packed map.
    static func packedCount(outputs: Int, inputs: Int) -> Int { ck_packed_count(outputs, inputs) }

    /// *Shapes:* weight (outputs, inputs), bias (1, outputs) → packed (1, `packedCount`).
    static func pack(_ weight: Matrix, _ bias: Matrix?, into packed: Matrix) {
        precondition(packed.count == packedCount(outputs: weight.rows, inputs: weight.columns), "packed map's size")
        ck_pack(weight.pointer, weight.stride, bias?.pointer, weight.rows, weight.columns, packed.pointer)
    }

    /// So many columns, or some more that fill a panel.
    static func wholePanels(_ columns: Int) -> Int {
        let panel = Int(CK_PANEL)
        return max(1, (columns + panel - 1) / panel) * panel
    }

    /// The packed map of some of the outputs, from the first of a panel on.
    static func part(of packed: Matrix, outputs: Range<Int>, inputs: Int) -> Matrix {
        precondition(outputs.lowerBound % Int(CK_PANEL) == 0, "part of a panel")
        let first = outputs.lowerBound * (inputs + 1)
        return packed.columns(first..<first + packedCount(outputs: outputs.count, inputs: inputs))
    }

    /// y = map(x), or y += map(x); `packed` is the map's.
    static func apply(
        _ packed: Matrix, to x: Matrix, accumulating: Bool = false, into y: Matrix,
        instructions: Int32 = Products.instructions
    ) {
        precondition(packed.count == packedCount(outputs: y.columns, inputs: x.columns), "packed map's size")
        precondition(x.rows == y.rows, "rows of mapped tokens")
        ck_multiply_packed(
            x.pointer, x.stride, x.rows, packed.pointer, y.columns, x.columns, y.pointer, y.stride,
            accumulating ? 1 : 0, instructions)
    }
}
