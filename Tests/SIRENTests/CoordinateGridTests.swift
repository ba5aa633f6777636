import SIREN
import Testing

@Suite("Coordinates of pixels")
struct CoordinateGridTests {
    @Test("coordinates mirror each other and reach both ends", arguments: [2, 3, 28, 33, 512])
    func axes(count: Int) {
        let grid = CoordinateGrid(height: count, width: 3)
        #expect(grid.rows.first == -1 && grid.rows.last == 1 && grid.rows.count == count)
        #expect(grid.rows.map { -$0 } == grid.rows.reversed())
        #expect(grid.columns == [-1, 0, 1])
        #expect(CoordinateGrid(height: 1, width: 1).coordinates == [-1, -1])
    }

    @Test("pixels follow each other row by row, and the convention orders their two coordinates")
    func order() {
        #expect(
            CoordinateGrid(height: 2, width: 3, convention: .nfn).coordinates
                == [-1, -1, -1, 0, -1, 1, 1, -1, 1, 0, 1, 1])
        #expect(
            CoordinateGrid(height: 2, width: 3, convention: .dws).coordinates
                == [-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1])
    }
}
