@testable import Engine

/// Reproducible numbers (SplitMix64).
struct Numbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }

    mutating func matrix(_ rows: Int, _ columns: Int, in range: ClosedRange<Float> = -1...1) -> Matrix {
        Matrix(rows: rows, columns: columns, values: floats(rows * columns, in: range))
    }

    /// A view of `rows` × `columns` inside a larger matrix whose every float is random.
    mutating func view(_ rows: Int, _ columns: Int, margin: Int = 3) -> (view: Matrix, whole: Matrix) {
        let whole = matrix(rows + 1, columns + 2 * margin)
        return (whole.rows(1..<rows + 1).columns(margin..<margin + columns), whole)
    }
}

/// Runs the steps that `record` appends once and reads its result.
func evaluate(threads: Int = 1, _ record: (PlanBuilder) -> Matrix) -> [Float] {
    let builder = PlanBuilder(threads: threads)
    let result = record(builder)
    builder.finish(keeping: [result]).run(WorkerPool(threads: threads))
    return result.read()
}

/// The largest |own − reference|; infinite where the lengths differ or either is no number.
func largestError(_ own: [Float], _ reference: [Double]) -> Double {
    guard own.count == reference.count else { return .infinity }
    return zip(own, reference).reduce(0) { largest, pair in
        let error = abs(Double(pair.0) - pair.1)
        return error.isNaN ? .infinity : max(largest, error)
    }
}

func double(_ values: [Float]) -> [Double] { values.map { Double($0) } }

extension Matrix {
    /// Element (row, column) in float64, for references.
    func element(_ row: Int, _ column: Int) -> Double { Double(pointer[row * stride + column]) }
}

/// softmax of `scores` in float64.
func softmax(_ scores: [Double]) -> [Double] {
    let peak = scores.max() ?? 0
    let weights = scores.map { exponential($0 - peak) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
}
