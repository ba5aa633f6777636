import Engine
import Networks
import Tensors
import Testing

@testable import Zoo

@Suite struct HyperparameterTests {
    private static func drawn(_ count: Int, seed: UInt64) -> [Hyperparameters] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in Hyperparameters(drawnFrom: &random) }
    }

    @Test("hyperparameters are within their bounds, and every choice occurs")
    func areWithinBounds() {
        let all = Self.drawn(2000, seed: 1)
        #expect(all.allSatisfy { Hyperparameters.rates.contains($0.rate) })
        #expect(all.allSatisfy { Hyperparameters.penalties.contains($0.l2) })
        #expect(all.allSatisfy { Hyperparameters.dropouts.contains($0.dropout) })
        #expect(
            all.allSatisfy {
                $0.initializer.usesDeviation ? Hyperparameters.deviations.contains($0.deviation) : $0.deviation == 0
            })
        #expect(Set(all.map(\.initializer)) == Set(Initializer.allCases))
        #expect(Set(all.map(\.optimizer)) == Set(OptimizerKind.allCases))
        #expect(Set(all.map(\.fraction)) == Set(Hyperparameters.fractions))
        #expect(Set(all.map(\.activation)) == [.relu, .tanh])
        // The middle of a log-uniform distribution is the geometric mean of its ends: 5 · 10⁻³.
        #expect((0.45...0.55).contains(Double(all.filter { $0.rate < 5e-3 }.count) / 2000))
    }

    @Test("equal seeds draw equal hyperparameters, other seeds others")
    func followFromSeed() {
        #expect(Self.drawn(5, seed: 2) == Self.drawn(5, seed: 2))
        #expect(Self.drawn(5, seed: 2) != Self.drawn(5, seed: 3))
    }

    @Test("initial weights have the deviation of their initializer, and biases are 0", arguments: Initializer.allCases)
    func initialWeights(initializer: Initializer) {
        let spec = NetworkSpec(sizes: [16, 64], kernels: [[3, 3]])
        var random = RandomSource(seed: 4)
        let parameters = initializer.parameters(spec, deviation: 0.1, random: &random)
        let weights = parameters.prefix(64 * 144)
        let deviation = (weights.reduce(0) { $0 + Double($1) * Double($1) } / Double(weights.count)).squareRoot()
        let expected =
            switch initializer {
            case .normal: 0.1
            // √(1 − 4 φ(2) / (2 Φ(2) − 1))
            case .truncatedNormal: 0.1 * 0.8796
            case .he: (2.0 / 144).squareRoot()
            case .glorot: (2.0 / (144 + 576)).squareRoot()
            case .orthogonal: 1 / 144.0.squareRoot()
            }
        #expect(abs(deviation - expected) < 0.03 * expected)
        #expect(parameters.suffix(64).allSatisfy { $0 == 0 } && parameters.count == spec.parameterCount)
    }

    @Test("orthogonal weights have orthonormal rows, or columns where there are more rows than columns")
    func orthogonalWeights() {
        for (rows, columns) in [(4, 9), (9, 4)] {
            var random = RandomSource(seed: 5)
            let values = Initializer.orthogonal.parameters(
                NetworkSpec(sizes: [columns, rows]), deviation: 0, random: &random)
            func entry(_ vector: Int, _ place: Int) -> Double {
                Double(rows < columns ? values[vector * columns + place] : values[place * columns + vector])
            }
            for a in 0..<4 {
                for b in 0..<4 {
                    let product = (0..<9).reduce(0) { $0 + entry(a, $1) * entry(b, $1) }
                    #expect(abs(product - (a == b ? 1 : 0)) < 1e-5)
                }
            }
        }
    }
}
