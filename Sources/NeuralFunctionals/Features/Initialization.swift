import Tensors

/// What a parameter holds before any training.
package enum Initialization: Sendable {
    case uniform(bound: Float)
    case normal(deviation: Float = 1)
    case constant(Float)
    case values([Float])

    /// PyTorch's own for maps: uniform within 1/√`fanIn`.
    package static func uniform(fanIn: Int) -> Initialization { .uniform(bound: 1 / Float(max(fanIn, 1)).squareRoot()) }

    func draw(_ count: Int, _ random: inout RandomSource) -> [Float] {
        switch self {
        case .uniform(let bound):
            return (0..<count).map { _ in random.uniform(in: -bound...bound) }
        case .normal(let deviation): return (0..<count).map { _ in deviation * random.normal() }
        case .constant(let value): return [Float](repeating: value, count: count)
        case .values(let values): return values
        }
    }
}
