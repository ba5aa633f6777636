import Foundation

/// What a drawing says about the notation under which it was drawn: under the right one a network draws something smooth
/// that reaches at least one end of its range of values, often with flat parts, as a background is; under a wrong one
/// noise, or a range of its own.
struct DrawingEvidence {
    /// Rows and columns of the drawing.
    static let side = 28
    /// Networks that cost more than this for a pixel, as 2-64-64-64-1 does, are drawn more coarsely, down to `leastSide`.
    private static let costOfFullSide = 25_000
    private static let leastSide = 12

    /// The outputs below and above which 2 % of all outputs lie.
    let low: Double
    let high: Double
    /// The mean difference of neighbouring outputs, in standard deviations.
    let roughness: Double

    /// The largest share of outputs that lie within 1/64 of the range from `low` to `high`. Measured on SIRENs: at most 0.06
    /// under wrong frequencies, also where they are wrong by a twentieth only; 0.1 to 0.8 under right ones where the picture
    /// has a background.
    let peak: Double
    private let count: Int

    /// The extents of the drawing of a network of that cost (`DrawnFunction.cost`).
    static func side(cost: Int) -> Int {
        let ratio = Double(costOfFullSide) / Double(max(cost, 1))
        return max(leastSide, min(side, Int(Double(side) * ratio.squareRoot())))
    }

    /// - Parameter outputs: (side, side, channels), row-major.
    init(_ outputs: [Float], side: Int, channels: Int) {
        (low, high, peak) = Self.distribution(outputs)
        count = outputs.count
        let row = side * channels
        var differences = 0.0
        for index in outputs.indices {
            if index % row + channels < row { differences += Double(abs(outputs[index + channels] - outputs[index])) }
            if index + row < outputs.count { differences += Double(abs(outputs[index + row] - outputs[index])) }
        }
        let mean = outputs.reduce(0.0) { $0 + Double($1) } / Double(outputs.count)
        let variance = outputs.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(outputs.count)
        roughness = differences / Double(2 * side * (side - 1) * channels) / max(variance.squareRoot(), 1e-9)
    }

    /// The outputs below and above which 2 % of all lie, to 1/512 of their range, and `peak`: a histogram takes a tenth of
    /// the time of sorting.
    private static func distribution(_ outputs: [Float]) -> (low: Double, high: Double, peak: Double) {
        let (least, greatest) = (outputs.min() ?? 0, outputs.max() ?? 0)
        let range = greatest - least
        guard range > 0, range.isFinite, outputs.allSatisfy(\.isFinite) else {
            return (Double(least), Double(range.isFinite ? greatest : .nan), 0)
        }
        let bins = 512
        var counts = [Int](repeating: 0, count: bins)
        for output in outputs { counts[min(bins - 1, Int((output - least) / range * Float(bins)))] += 1 }
        let most = max(1, outputs.count / 50)
        func tail(_ order: some Sequence<Int>) -> Int {
            var sum = 0
            return order.first {
                sum += counts[$0]
                return sum >= most
            } ?? 0
        }
        func middle(_ bin: Int) -> Double { Double(least) + Double(range) * (Double(bin) + 0.5) / Double(bins) }
        let (first, last) = (tail(0..<bins), tail((0..<bins).reversed()))
        let width = max(1, (last - first + 32) / 64)
        var sum = counts[..<width].reduce(0, +)
        var greatestSum = sum
        for bin in width..<bins {
            sum += counts[bin] - counts[bin - width]
            greatestSum = max(greatestSum, sum)
        }
        return (middle(first), middle(last), Double(greatestSum) / Double(outputs.count))
    }

    /// No drawing has a larger log-likelihood.
    static let greatestLogLikelihood = 2.95 + greatestOfPeak
    private static let greatestOfPeak = 4.0

    /// The share that an output's 64th of the range has at most where there are no flat parts; more where few outputs are
    /// drawn.
    private var usualPeak: Double { 0.055 + 4 / Double(count) }

    /// Whether the drawing has flat parts that no wrong frequency draws.
    var isPeaked: Bool { peak > 1.7 * usualPeak }

    /// The logarithm of how much likelier the peak is under a right notation than under a wrong one. A picture need not
    /// have flat parts.
    private var logRatioOfPeak: Double {
        let missing = -0.5
        return peak <= usualPeak ? missing : min(missing + 3 * log(peak / usualPeak), Self.greatestOfPeak)
    }

    /// The log-likelihood of the drawing where black and white are the ends of `values`, in nats up to a constant.
    func logLikelihood(_ values: Interval) -> Double {
        guard low.isFinite, high.isFinite, roughness.isFinite else { return -1000 }
        let fromBlack = (low - values.low) / values.length
        let fromWhite = (high - values.high) / values.length
        return Density.mixture(fromBlack, share: 0.75, mean: -0.02, std: 0.05, over: -0.15...0.7)
            + Density.mixture(fromWhite, share: 0.4, mean: -0.02, std: 0.06, over: -0.8...0.15)
            + Density.normal(log(max(roughness, 1e-3)), mean: log(0.25), std: 0.45)
            + (high - low < 0.25 * values.length ? -3 : 0) + logRatioOfPeak
    }

    /// The measurements as a clause.
    var text: String {
        "it draws outputs from \(Self.short(low)) to \(Self.short(high)) (2 % beyond either), and neighbouring pixels differ by \(Self.short(roughness)) standard deviations"
    }

    static func short(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e6 else { return "\(value)" }
        return String((value * 100).rounded() / 100)
    }
}
