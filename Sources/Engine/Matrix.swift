/// A view of (rows, columns) float32 elements of a storage: element (r, c) is at offset + r · stride + c.
///
/// A row is a token and its columns are channels, unless said otherwise. Making a view traps where
/// its extents exceed the storage; kernels rely on that. A copy of a `Matrix` views the same memory.
package struct Matrix: Sendable {
    let storage: Storage
    let offset: Int
    /// Extent of the first axis.
    package let rows: Int
    /// Extent of the second axis, whose elements are next to each other in memory.
    package let columns: Int
    /// Elements from the start of a row to the start of the next.
    package let stride: Int

    init(storage: Storage, offset: Int, rows: Int, columns: Int, stride: Int) {
        precondition(rows > 0 && columns > 0 && stride >= columns && offset >= 0, "empty or overlapping rows")
        precondition(offset + (rows - 1) * stride + columns <= storage.count, "view exceeds its storage")
        self.storage = storage
        self.offset = offset
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// A contiguous matrix with memory of its own, for parameters and constants; `values` are its rows one after
    /// another.
    package init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
        self.init(storage: Storage(zeros: values.count), offset: 0, rows: rows, columns: columns, stride: columns)
        write(values)
    }

    /// rows · columns
    package var count: Int { rows * columns }
    /// Whether the elements lie side by side in memory, row after row.
    package var isContiguous: Bool { stride == columns || rows == 1 }

    /// The address of element (0, 0), valid for as long as the storage lives. Traps for a temporary whose plan was not
    /// finished; where steps are checked (`StepChecks`) also for one that the running step does not declare.
    var pointer: UnsafeMutablePointer<Float> {
        precondition(storage.isPlaced, "temporary used before its plan was finished")
        #if DEBUG
            DeclaredStorages.expect(storage)
        #endif
        return storage.base + offset
    }

    /// Calls `body` for every run of contiguous elements: once for a contiguous matrix, else for each row.
    func forEachRun(_ body: (_ start: UnsafeMutablePointer<Float>, _ count: Int) -> Void) {
        let start = pointer
        if isContiguous { return body(start, count) }
        for row in 0..<rows { body(start + row * stride, columns) }
    }

    /// The same, with the elements at the same rows and columns of a matrix of the same extents.
    func forEachRun(
        with other: Matrix,
        _ body: (_ start: UnsafeMutablePointer<Float>, _ other: UnsafeMutablePointer<Float>, _ count: Int) -> Void
    ) {
        precondition(rows == other.rows && columns == other.columns, "matrices of unlike shapes")
        let (start, otherStart) = (pointer, other.pointer)
        if isContiguous, other.isContiguous { return body(start, otherStart, count) }
        for row in 0..<rows { body(start + row * stride, otherStart + row * other.stride, columns) }
    }

    /// A view of some of the rows.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
        return Matrix(
            storage: storage, offset: offset + range.lowerBound * stride, rows: range.count, columns: columns,
            stride: stride)
    }

    /// A view of some of the columns.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns out of range")
        return Matrix(
            storage: storage, offset: offset + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// A view of rows 0, step, 2 · step, …; `step` divides the number of rows.
    package func everyRow(step: Int) -> Matrix {
        precondition(step > 0 && rows % step == 0, "\(rows) rows in steps of \(step)")
        return Matrix(
            storage: storage, offset: offset, rows: rows / step, columns: columns, stride: stride * step)
    }

    /// A view of the same elements, in the same order, with other extents; only of contiguous matrices.
    package func reshaped(rows: Int, columns: Int) -> Matrix {
        precondition(isContiguous && rows * columns == count, "\(self.rows) × \(self.columns) as \(rows) × \(columns)")
        return Matrix(storage: storage, offset: offset, rows: rows, columns: columns, stride: columns)
    }

    /// Replaces the elements by `values`, row after row.
    package func write(_ values: [Float]) {
        precondition(values.count == count, "\(values.count) values for \(rows) × \(columns)")
        values.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            for row in 0..<rows {
                (pointer + row * stride).update(from: start + row * columns, count: columns)
            }
        }
    }

    /// The elements, row after row.
    package func read() -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { target, written in
            guard let start = target.baseAddress else { return }
            var next = start
            forEachRun { source, count in
                next.initialize(from: source, count: count)
                next += count
            }
            written = count
        }
    }
}
