import Tensors

/// The initial values of a parameter.
package enum Initialization: Sendable {
    case uniform(bound: Float)
    case normal(deviation: Float = 1)
    case constant(Float)
    case values([Float])

    /// Uniform from −1/√`fanIn` to 1/√`fanIn`, as PyTorch initialises linear layers.
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
