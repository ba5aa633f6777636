import Foundation

/// Kendall's rank correlation τ-b of pairs (x, y): (C − D) / √((n₀ − T_x)(n₀ − T_y)), where of the n₀ = n (n − 1) / 2 pairs
/// of items C are in the same order in both, D in opposite orders, T_x tie in x and T_y in y.
package struct KendallTau: Sendable, Equatable {
    /// From −1 to 1; 0 where all x or all y are equal.
    package let value: Double
    /// The standard error of `value`, by the asymptotic variance of the U-statistic: 4 / n · the variance of
    /// the items' mean concordances, divided by the same denominator.
    package let standardError: Double
    /// The number of items.
    package let count: Int

    /// Compares all pairs: the time grows with n².
    /// - Parameters:
    ///   - x, y: as many numbers each, without NaN.
    package init(_ x: [Float], _ y: [Float]) {
        let n = min(x.count, y.count)
        count = n
        // Concordances minus discordances of each item with all others.
        var scores = [Int](repeating: 0, count: n)
        var (total, tiesX, tiesY) = (0, 0, 0)
        for i in 0..<n {
            var own = 0
            for j in 0..<i {
                let a = x[i] > x[j] ? 1 : x[i] < x[j] ? -1 : 0
                let b = y[i] > y[j] ? 1 : y[i] < y[j] ? -1 : 0
                tiesX += a == 0 ? 1 : 0
                tiesY += b == 0 ? 1 : 0
                own += a * b
                scores[j] += a * b
            }
            scores[i] += own
            total += own
        }
        let pairs = Double(n * (n - 1) / 2)
        let denominator = ((pairs - Double(tiesX)) * (pairs - Double(tiesY))).squareRoot()
        guard n > 1, denominator > 0 else {
            (value, standardError) = (0, 0)
            return
        }
        value = Double(total) / denominator
        let means = scores.map { Double($0) / Double(n - 1) }
        let average = means.reduce(0, +) / Double(n)
        let variance = means.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(max(1, n - 1))
        standardError = (4 * variance / Double(n)).squareRoot() * pairs / denominator
    }

    /// The 95 % confidence interval: tanh(atanh τ ± 1.96 · standard error / (1 − τ²)).
    package var interval: ClosedRange<Double> {
        guard abs(value) < 1, count > 2 else { return value...value }
        let half = 1.959964 * standardError / (1 - value * value)
        return tanh(atanh(value) - half)...tanh(atanh(value) + half)
    }
}
