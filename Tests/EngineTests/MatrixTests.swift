import Testing

@testable import Engine

@Suite struct MatrixTests {
    private let matrix = Matrix(rows: 4, columns: 3, values: (0..<12).map { Float($0) })

    @Test("views read what they cover, row by row")
    func viewsRead() {
        #expect(matrix.rows(1..<3).read() == [3, 4, 5, 6, 7, 8])
        #expect(matrix.columns(1..<2).read() == [1, 4, 7, 10])
        #expect(matrix.everyRow(step: 2).read() == [0, 1, 2, 6, 7, 8])
        #expect(matrix.reshaped(rows: 2, columns: 6).rows(1..<2).read() == [6, 7, 8, 9, 10, 11])
        #expect(matrix.rows(2..<4).columns(2..<3).read() == [8, 11])
    }

    @Test("writing a view changes the shared memory and nothing beside it")
    func viewsWrite() {
        matrix.rows(1..<3).columns(0..<2).write([-1, -2, -3, -4])
        #expect(matrix.read() == [0, 1, 2, -1, -2, 5, -3, -4, 8, 9, 10, 11])
    }

    @Test("only views without gaps count as contiguous")
    func contiguity() {
        #expect(matrix.isContiguous && matrix.rows(1..<3).isContiguous)
        #expect(!matrix.columns(0..<2).isContiguous)
        #expect(matrix.rows(0..<1).columns(0..<2).isContiguous)
    }
}
