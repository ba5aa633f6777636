import Engine
import Foundation
import Tensors

/// How the initial weights of a network are drawn; biases begin at 0. The raw values are those of the column
/// `initializer`.
package enum Initializer: Int, Sendable, Hashable, CaseIterable {
    /// Normal, of the drawn deviation.
    case normal = 0
    /// Normal, of the drawn deviation, drawn anew beyond two deviations.
    case truncatedNormal
    /// Normal, with the variance 2 / inputs (He et al., arXiv 1502.01852).
    case he
    /// Normal, with the variance 2 / (inputs + outputs) (Glorot and Bengio, 2010).
    case glorot
    /// Orthogonal rows or, where there are more rows than columns, columns (Saxe et al., arXiv 1312.6120).
    case orthogonal

    /// Whether it has the deviation as a parameter.
    package var usesDeviation: Bool { self == .normal || self == .truncatedNormal }
}

/// The rule by which gradients change the weights. The raw values are those of the column `optimizer`.
package enum OptimizerKind: Int, Sendable, Hashable, CaseIterable {
    /// Gradient descent without momentum.
    case sgd = 0
    case adam
    case rmsprop
}

/// What distinguishes the training of one network from that of another.
package struct Hyperparameters: Sendable, Hashable {
    /// ReLU or tanh.
    package var activation = Nonlinearity.relu
    package var initializer = Initializer.glorot
    /// The standard deviation of the initial weights; 0 where the initializer has none.
    package var deviation: Float = 0
    package var optimizer = OptimizerKind.adam
    /// The learning rate.
    package var rate: Float = 1e-3
    /// λ: the loss is the cross-entropy and λ times the sum of all squared weights, without biases.
    package var l2: Float = 0
    /// The probability with which an output of the last convolution is set to 0 in training.
    package var dropout: Float = 0
    /// The part of the training pictures that it is trained on.
    package var fraction: Float = 1

    /// The defaults of each property.
    package init() {}

    /// Rates are from 5 · 10⁻⁴ to 5 · 10⁻², λ from 10⁻⁸ to 10⁻², deviations from 10⁻³ to 0.5.
    package static let rates: ClosedRange<Float> = 5e-4...5e-2
    package static let penalties: ClosedRange<Float> = 1e-8...1e-2
    package static let deviations: ClosedRange<Float> = 1e-3...0.5
    package static let dropouts: ClosedRange<Float> = 0...0.7
    package static let fractions: [Float] = [0.1, 0.25, 0.5, 1]

    /// Draws all of them: rates, λ and deviations uniformly in their logarithms, the others uniformly.
    package init(drawnFrom random: inout RandomSource) {
        func logarithmic(_ range: ClosedRange<Float>) -> Float {
            let drawn = exp(random.uniform(in: log(range.lowerBound)...log(range.upperBound)))
            return min(max(drawn, range.lowerBound), range.upperBound)
        }
        activation = Bool.random(using: &random) ? .relu : .tanh
        initializer = Initializer.allCases.randomElement(using: &random) ?? .glorot
        // Drawn in any case, so that the numbers after it do not depend on the initializer.
        let drawnDeviation = logarithmic(Self.deviations)
        deviation = initializer.usesDeviation ? drawnDeviation : 0
        optimizer = OptimizerKind.allCases.randomElement(using: &random) ?? .adam
        rate = logarithmic(Self.rates)
        l2 = logarithmic(Self.penalties)
        dropout = random.uniform(in: Self.dropouts)
        fraction = Self.fractions.randomElement(using: &random) ?? 1
    }
}
