import Engine
import Foundation
import Networks
import Tensors

/// What the arrays of a network say about its activation and its frequencies.
///
/// Initialisation fixes spreads, and training changes them little. SIRENs start with σ(W_0) = 0.29 whatever ω₀ is (weights
/// uniform in ±1/2 for two inputs), so that σ(W_0) ω₀ is 8.6 where a network of ω₀ = 30 was written with another factor;
/// those of the data of Deep Weight Spaces with σ(W_0) ω₀ near 1; and all with σ(W_l) ωₕ = √(2/n) for n inputs. Measured
/// after fits of Fashion-MNIST with ω₀ of 1 to 100: σ(W_0) = 0.28 ± 0.02, after those of Deep Weight Spaces 1.5 ± 0.2 / ω₀,
/// and 1.0 to 3 times √(2/n) in further layers.
struct WeightEvidence {
    /// The standard deviation of the first layer's weights.
    let firstSpread: Double
    /// The geometric mean over further hidden layers of σ(W)/√(2/n); nil without one.
    let hiddenSpread: Double?
    /// The standard deviation of the first layer's biases.
    let biasSpread: Double
    /// How far the means of rows and columns of the hidden layers' weights exceed those of independent weights, as the
    /// mean of log(n · mean(m²) / σ²) over rows, columns and layers, with means m of n weights of variance σ²; nil without
    /// such a layer.
    ///
    /// It is about 0 for activations that are odd, since there weights of either sign are alike, and larger where
    /// activations are never negative.
    let sharedSigns: Double?

    init(_ network: NetworkWeights) {
        firstSpread = Self.std(network.layers[0].weight.values)
        biasSpread = Self.std(network.layers[0].bias.values)
        let hidden = network.layers.dropFirst().dropLast()
        hiddenSpread =
            hidden.isEmpty
            ? nil
            : exp(
                hidden.reduce(0) { sum, layer in
                    let ratio = Self.std(layer.weight.values) / (2 / Double(layer.weight.shape[1])).squareRoot()
                    return sum + log(max(ratio, 1e-9))
                } / Double(hidden.count))
        let shares = hidden.compactMap { Self.sharedSigns($0.weight) }
        sharedSigns = shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
    }

    private static func sharedSigns(_ weight: Tensor) -> Double? {
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        let variance = std(weight.values) * std(weight.values)
        guard rows > 1, columns > 1, variance > 0, variance.isFinite else { return nil }
        var sums = (rows: [Double](repeating: 0, count: rows), columns: [Double](repeating: 0, count: columns))
        for (index, value) in weight.values.enumerated() {
            sums.rows[index / columns] += Double(value)
            sums.columns[index % columns] += Double(value)
        }
        func excess(_ sums: [Double], of count: Int) -> Double {
            let squares = sums.reduce(0) { $0 + $1 * $1 } / Double(count * count) / Double(sums.count)
            return log(max(Double(count) * squares / variance, 1e-6))
        }
        return (excess(sums.rows, of: columns) + excess(sums.columns, of: rows)) / 2
    }

    /// The log-likelihood of `sharedSigns`, against that of a broad distribution over all activations. Measured after fits
    /// of Fashion-MNIST: 0 ± 0.2 to 0.3 with sines, −0.1 ± 0.4 with tanh, 1.0 ± 0.35 with ReLU, 0.6 ± 0.2 with Gaussians,
    /// 0.1 ± 0.15 with sigmoids.
    private func logLikelihoodOfSigns(_ activation: Nonlinearity) -> Double {
        guard let sharedSigns else { return 0 }
        let (mean, std) =
            switch activation {
            case .sine: (-0.05, 0.4)
            case .relu: (0.9, 0.5)
            case .tanh: (-0.05, 0.4)
            case .gaussian: (0.6, 0.4)
            case .sigmoid: (0.1, 0.4)
            }
        return Density.normal(sharedSigns, mean: mean, std: std) - Density.normal(sharedSigns, mean: 0.2, std: 0.8)
    }

    /// Whether the first biases look as if they had started at zero, as in the data of Deep Weight Spaces: their spread is
    /// below 0.1 at ω₀ = 30. Nil where it lies between that and the 0.2 above which they were drawn at random.
    func startedAtZero(omega0: Double) -> Bool? {
        let spread = biasSpread * omega0 / 30
        return spread < 0.1 ? true : (spread > 0.2 ? false : nil)
    }

    /// The log-likelihood of the spreads and of shared signs, in nats up to a constant.
    /// - Parameters:
    ///   - reach: half the length of the coordinates' range.
    ///   - readsCoordinates: false where the first layer reads features of the coordinates.
    func logLikelihood(
        _ activation: Nonlinearity, omega0: Double, hiddenOmega0: Double, reach: Double, readsCoordinates: Bool
    ) -> Double {
        logLikelihoodOfSigns(activation)
            + logLikelihoodOfSpreads(
                activation, omega0: omega0, hiddenOmega0: hiddenOmega0, reach: reach, readsCoordinates: readsCoordinates
            )
    }

    private func logLikelihoodOfSpreads(
        _ activation: Nonlinearity, omega0: Double, hiddenOmega0: Double, reach: Double, readsCoordinates: Bool
    ) -> Double {
        let first = log(max(firstSpread, 1e-9))
        let hidden = hiddenSpread.map { log(max($0, 1e-9)) }
        guard activation == .sine else {
            // PyTorch's default gives 0.41 in both; He's, Glorot's and fitted weights lie around 1.
            return (readsCoordinates ? Density.normal(first, mean: log(0.8), std: 1) : -1)
                + (hidden.map { Density.normal($0, mean: log(0.8), std: 0.6) } ?? -0.5)
        }
        let phase = first + log(omega0 * reach)
        let ofFirst =
            readsCoordinates
            ? Density.sum(
                log(0.5) + Density.normal(first, mean: log(0.29), std: 0.1),
                Density.sum(
                    log(0.3) + Density.normal(phase, mean: log(8.6), std: 0.25),
                    log(0.2) + Density.normal(phase, mean: log(1.7), std: 0.5)))
            : -1
        return ofFirst + (hidden.map { Density.normal($0 + log(hiddenOmega0), mean: log(1.7), std: 0.5) } ?? -0.5)
    }

    private static func std(_ values: [Float]) -> Double {
        guard !values.isEmpty else { return 0 }
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
        return (values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count))
            .squareRoot()
    }
}

/// Logarithms of probability densities.
enum Density {
    static func normal(_ x: Double, mean: Double, std: Double) -> Double {
        let z = (x - mean) / std
        return -0.5 * z * z - log(std * 2.506_628_274_631)
    }

    /// log(eᵃ + eᵇ)
    static func sum(_ a: Double, _ b: Double) -> Double { max(a, b) + log1p(exp(-abs(a - b))) }

    /// A normal with weight `share`, and for the rest a uniform density over `range`; at least 10⁻⁴.
    static func mixture(_ x: Double, share: Double, mean: Double, std: Double, over range: ClosedRange<Double>)
        -> Double
    {
        let flat = range.contains(x) ? (1 - share) / (range.upperBound - range.lowerBound) : 1e-4
        return log(share * exp(normal(x, mean: mean, std: std)) + flat)
    }
}
