import Foundation

/// How well numbers are predicted.
package struct RegressionReport: Sendable {
    /// The predicted column.
    package let name: String
    /// The number of networks.
    package let count: Int
    /// The mean of |predicted − true|.
    package let meanAbsoluteError: Double
    /// The mean of (predicted − true)².
    package let meanSquaredError: Double
    /// R² = 1 − Σ (predicted − true)² / Σ (true − mean)²; 0 where the true numbers do not vary.
    package let determination: Double
    /// Kendall's τ-b of predicted and true numbers.
    package let tau: KendallTau

    /// - Parameters:
    ///   - name: of the predicted column.
    ///   - predicted, wanted: one number for each network.
    package init(_ name: String, predicted: [Float], wanted: [Float]) {
        self.name = name
        count = wanted.count
        let n = Double(max(1, wanted.count))
        let differences = zip(predicted, wanted).map { Double($0) - Double($1) }
        meanAbsoluteError = differences.reduce(0) { $0 + abs($1) } / n
        let squares = differences.reduce(0) { $0 + $1 * $1 }
        meanSquaredError = squares / n
        let mean = wanted.reduce(0) { $0 + Double($1) } / n
        let spread = wanted.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        determination = spread > 0 ? 1 - squares / spread : 0
        tau = KendallTau(predicted, wanted)
    }

    /// τ with its interval, R² and mean absolute error.
    package var text: String {
        let interval = tau.interval
        return
            "Kendall's tau \(fixed(tau.value)) (95 % interval \(fixed(interval.lowerBound)) to \(fixed(interval.upperBound))), R2 \(fixed(determination)), mean absolute error \(significant(meanAbsoluteError))"
    }

    private func fixed(_ value: Double) -> String { String(format: "%.4f", value) }
    private func significant(_ value: Double) -> String { String(format: "%.4g", value) }
}

/// The reports of all targets of a model.
package struct RegressionReports: TrainingReport {
    /// One for each target.
    package let targets: [RegressionReport]

    /// The reports of all targets.
    package init(targets: [RegressionReport]) { self.targets = targets }

    /// A line a target.
    package var summary: String { targets.map { "\($0.name): \($0.text)" }.joined(separator: "\nvalidation ") }

    /// `tau`, `r2` and `mae`, with the target's name where there are several.
    package var figures: [(name: String, value: Double)] {
        targets.flatMap { report in
            let ending = targets.count > 1 ? "_\(report.name)" : ""
            return [
                ("tau\(ending)", report.tau.value), ("r2\(ending)", report.determination),
                ("mae\(ending)", report.meanAbsoluteError),
            ]
        }
    }
}
