import COpenBLAS

/// All calls of OpenBLAS.
enum BLAS {
    /// Evaluated once, sets OpenBLAS's thread count, which is global, to 1: every call runs on its caller's thread.
    static let useCallingThreadOnly: Void = openblas_set_num_threads(1)

    /// c = op(a) · op(b), or c += op(a) · op(b) where `accumulating`; op(x) is x or, where `transposing…`, xᵀ.
    static func multiply(
        _ a: Matrix, _ b: Matrix, transposingA: Bool = false, transposingB: Bool = false, accumulating: Bool = false,
        into c: Matrix
    ) {
        let depth = transposingA ? a.rows : a.columns
        precondition((transposingA ? a.columns : a.rows) == c.rows, "rows of the product")
        precondition((transposingB ? b.rows : b.columns) == c.columns, "columns of the product")
        precondition((transposingB ? b.columns : b.rows) == depth, "inner extents of the product")
        cblas_sgemm(
            CblasRowMajor, transposingA ? CblasTrans : CblasNoTrans, transposingB ? CblasTrans : CblasNoTrans,
            blasint(c.rows), blasint(c.columns), blasint(depth), 1, a.pointer, blasint(a.stride), b.pointer,
            blasint(b.stride), accumulating ? 1 : 0, c.pointer, blasint(c.stride))
    }
}
