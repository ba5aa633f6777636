import CKernels

/// The project's own kernels.
package enum OwnKernels {
    /// The vector instructions that they use on this machine, such as "AVX-512".
    package static var instructions: String {
        switch Int(Products.instructions) {
        case Int(CK_WIDE): "AVX-512"
        case Int(CK_MIDDLE): "AVX2"
        default: "baseline"
        }
    }
}

/// Matrix products: the project's own kernels where they are faster than OpenBLAS, which copies its operands anew in
/// every call, and OpenBLAS where they are not.
///
/// Which of the two computes follows from the shapes alone, and a row of a result is computed in the same order
/// wherever it stands.
enum Products {
    static let instructions = ck_best_instructions()
    /// Tiles are 16 or 32 columns wide: a result of fewer columns would use only part of one.
    private static let fewestColumns = 16
    /// In shorter scalar products, adding up the lanes of a vector register takes most of the time.
    private static let fewestTerms = 128

    /// What a product is computed by.
    enum Kernel: CaseIterable {
        /// `ck_multiply_matrices`: a · b or aᵀ · b in tiles of columns.
        case tiles
        /// `ck_multiply_rows`: a · bᵀ as scalar products of rows.
        case scalarProducts
        /// `ck_multiply_transposed`: a · bᵀ in tiles of columns, which are copied from the rows of b.
        case transposedTiles
        case blas
    }

    /// - Parameters:
    ///   - columns: of the result.
    ///   - depth: terms of each element of the result.
    static func kernel(columns: Int, depth: Int, transposingA: Bool, transposingB: Bool) -> Kernel {
        if !transposingB { return columns >= fewestColumns ? .tiles : .blas }
        guard !transposingA else { return .blas }
        return depth >= fewestTerms ? .scalarProducts : columns >= fewestColumns ? .transposedTiles : .blas
    }

    /// c = op(a) · op(b), or c += op(a) · op(b) where `accumulating`; op(x) is x or, where `transposing…`, xᵀ.
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
        case .transposedTiles:
            multiplyTransposed(a, b, accumulating: accumulating, into: c, instructions: instructions)
        case .blas:
            BLAS.multiply(
                a, b, transposingA: transposingA, transposingB: transposingB, accumulating: accumulating, into: c)
        }
    }

    /// c = a · bᵀ, or c += a · bᵀ where `accumulating`. *Shapes:* a (rows, depth), b (columns, depth), c (rows,
    /// columns).
    static func multiplyRows(_ a: Matrix, _ b: Matrix, accumulating: Bool, into c: Matrix, instructions: Int32) {
        precondition(a.rows == c.rows, "rows of the product")
        precondition(b.rows == c.columns, "columns of the product")
        precondition(a.columns == b.columns, "inner extents of the product")
        ck_multiply_rows(
            a.pointer, a.stride, c.rows, b.pointer, b.stride, c.columns, a.columns, c.pointer, c.stride,
            accumulating ? 1 : 0, instructions)
    }

    /// The same in tiles of columns.
    static func multiplyTransposed(
        _ a: Matrix, _ b: Matrix, accumulating: Bool, into c: Matrix, instructions: Int32
    ) {
        precondition(a.rows == c.rows, "rows of the product")
        precondition(b.rows == c.columns, "columns of the product")
        precondition(a.columns == b.columns, "inner extents of the product")
        ck_multiply_transposed(
            a.pointer, a.stride, c.rows, b.pointer, b.stride, c.columns, a.columns, c.pointer, c.stride,
            accumulating ? 1 : 0, instructions)
    }

    /// c = op(a) · b, or c += op(a) · b where `accumulating`. *Shapes:* op(a) (rows, depth), b (depth, columns), c
    /// (rows, columns).
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

    // MARK: Products with packed maps

    /// The size of a packed map in floats.
    static func packedCount(outputs: Int, inputs: Int) -> Int { ck_packed_count(outputs, inputs) }

    /// Copies a map's parameters in the order in which `apply` reads them: panels of 32 outputs, each the biases and
    /// then the weights of every input.
    ///
    /// *Shapes:* weight (outputs, inputs), bias (1, outputs), packed (1, `packedCount`).
    static func pack(_ weight: Matrix, _ bias: Matrix?, into packed: Matrix) {
        precondition(packed.count == packedCount(outputs: weight.rows, inputs: weight.columns), "packed map's size")
        ck_pack(weight.pointer, weight.stride, bias?.pointer, weight.rows, weight.columns, packed.pointer)
    }

    /// `columns` rounded up to whole panels, at least one.
    static func wholePanels(_ columns: Int) -> Int {
        let panel = Int(CK_PANEL)
        return max(1, (columns + panel - 1) / panel) * panel
    }

    /// The part of a packed map that belongs to `outputs`, which begin with a panel.
    static func part(of packed: Matrix, outputs: Range<Int>, inputs: Int) -> Matrix {
        precondition(outputs.lowerBound % Int(CK_PANEL) == 0, "part of a panel")
        let first = outputs.lowerBound * (inputs + 1)
        return packed.columns(first..<first + packedCount(outputs: outputs.count, inputs: inputs))
    }

    /// y = map(x), or y += map(x) where `accumulating`, for the packed map. *Shapes:* x (rows, inputs), y (rows,
    /// outputs).
    static func apply(
        _ packed: Matrix, to x: Matrix, accumulating: Bool = false, into y: Matrix,
        instructions: Int32 = Products.instructions
    ) {
        apply(packed, to: x, addingTo: accumulating ? y : nil, into: y, instructions: instructions)
    }

    /// y = base + map(x); a base that is nil is zero. *Shapes:* x (rows, inputs), base and y (rows, outputs).
    static func apply(
        _ packed: Matrix, to x: Matrix, addingTo base: Matrix?, into y: Matrix,
        instructions: Int32 = Products.instructions
    ) {
        precondition(base.map { $0.rows == y.rows && $0.columns == y.columns } ?? true, "base's shape")
        precondition(packed.count == packedCount(outputs: y.columns, inputs: x.columns), "packed map's size")
        precondition(x.rows == y.rows, "rows of mapped tokens")
        ck_multiply_packed(
            x.pointer, x.stride, x.rows, packed.pointer, y.columns, x.columns, y.pointer, y.stride, base?.pointer,
            base?.stride ?? 0, instructions)
    }
}
