import Tensors
import Testing

@Suite("Evenly spaced points")
struct LinearSpaceTests {
    @Test("evenly spaced points mirror each other exactly and keep their ends", arguments: [2, 3, 4, 7, 28, 32, 33])
    func mirrors(count: Int) {
        let points = linearSpace(-1, 1, count)
        #expect(points.count == count && points.first == -1 && points.last == 1)
        #expect(zip(points, points.reversed()).allSatisfy { $0 == -$1 })
        #expect(zip(points, points.dropFirst()).allSatisfy { $0 < $1 })
        for (index, point) in points.enumerated() {
            #expect(abs(Double(point) - (2 * Double(index) / Double(count - 1) - 1)) < 1e-7)
        }
    }

    @Test("a single point is the first")
    func one() {
        #expect(linearSpace(3, 5, 1) == [3])
    }
}
