import Tensors

/// The initial values of a parameter.
package enum Initialization: Sendable {
    /// Uniformly distributed in [−bound, bound].
    case uniform(bound: Float)
    /// Normally distributed with mean 0 and this standard deviation.
    case normal(deviation: Float = 1)
    /// All elements equal.
    case constant(Float)
    /// These elements, in the row-major order of the tensor.
    case values([Float])

    /// Uniformly distributed within ±1/√`fanIn`, as `torch.nn.Linear` initialises weights and biases.
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
