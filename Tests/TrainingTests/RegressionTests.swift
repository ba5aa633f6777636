import Foundation
import Testing
import Training

@Suite struct RegressionTests {
    @Test("Kendall's tau-b counts pairs in order, against order and tied")
    func tau() {
        #expect(KendallTau([1, 2, 3, 4], [10, 20, 30, 40]).value == 1)
        #expect(KendallTau([1, 2, 3, 4], [4, 3, 2, 1]).value == -1)
        // Pairs: 4 in order, 1 against, 1 tied in x of 6: 3 / √(5 · 6).
        let tied = KendallTau([1, 1, 2, 3], [1, 2, 4, 3])
        #expect(abs(tied.value - 3 / 30.0.squareRoot()) < 1e-12)
        #expect(KendallTau([1, 1, 1], [1, 2, 3]).value == 0)
    }

    @Test("the interval holds tau, is narrower for more networks and stays within -1 to 1")
    func interval() {
        func pair(_ count: Int) -> KendallTau {
            KendallTau(
                (0..<count).map { Float($0) }, (0..<count).map { Float($0) + Float(($0 * 37) % 23) })
        }
        let (few, many) = (pair(40), pair(400))
        for tau in [few, many] {
            #expect(tau.interval.contains(tau.value) && tau.interval.upperBound <= 1)
        }
        func width(_ tau: KendallTau) -> Double { tau.interval.upperBound - tau.interval.lowerBound }
        #expect(width(many) < width(few) && width(many) > 0)
    }

    @Test("R2, mean absolute and mean squared error are those of their definitions")
    func errors() {
        let report = RegressionReport("x", predicted: [1, 2, 4], wanted: [1, 2, 3])
        #expect(abs(report.meanAbsoluteError - 1.0 / 3) < 1e-12 && abs(report.meanSquaredError - 1.0 / 3) < 1e-12)
        #expect(abs(report.determination - 0.5) < 1e-12)
        #expect(RegressionReports(targets: [report]).figures.map(\.name) == ["tau", "r2", "mae"])
    }
}
