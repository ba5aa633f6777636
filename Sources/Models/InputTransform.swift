import Engine
import Networks
import NeuralFunctionals
import SIREN

/// Converts a network into what a model reads, and back: SIREN convention, sine frequency ω₀, canonical form of sines or
/// of ReLUs, a factor for every array.
///
/// Serving, training and drawing all use it. `converted` and `scaled` have inverses, exact up to rounding. The
/// canonical form is one of many weights of the same function and has no inverse; it does not change what the network
/// computes.
package struct InputTransform: Sendable {
    /// The convention of the networks that the model was trained on.
    package let convention: SIRENConvention
    /// ω₀ of those networks, in radians for each unit of a layer's output.
    package let omega0: Double
    /// The function between the layers of these networks; of a CNN where neither its file nor the client says another.
    package let activation: Nonlinearity
    /// Whether ReLU networks are brought into the form in which every hidden channel's incoming weights and bias have the
    /// norm 1 (`CanonicalScale`).
    package let hasCanonicalScale: Bool
    private let canonicalForm: CanonicalForm?
    /// Whether the model reads canonical weights of sine networks.
    package var isCanonical: Bool { canonicalForm != nil }
    private let scales: ArrayScales?
    private let scaleMatrices: [Matrix]?

    /// - Parameter scales: a factor for every array, w0, b0, w1, …; nil for none.
    package init(
        convention: SIRENConvention = .nfn, omega0: Double = 30, activation: Nonlinearity = .sine,
        isCanonical: Bool = false, scales: ArrayScales? = nil
    ) {
        self.convention = convention
        self.omega0 = omega0
        self.activation = activation
        hasCanonicalScale = false
        canonicalForm = isCanonical ? CanonicalForm(omega0: Float(omega0)) : nil
        self.scales = scales
        scaleMatrices = scales?.values.map { Matrix(rows: 1, columns: 1, values: [$0]) }
    }

    /// For networks without frequencies, such as CNNs.
    /// - Parameters:
    ///   - hasCanonicalScale: whether ReLU networks are brought into the form of `CanonicalScale`.
    ///   - activation: of networks of which nothing else is known.
    ///   - scales: a factor for every array, w0, b0, w1, …; nil for none.
    package init(hasCanonicalScale: Bool, activation: Nonlinearity = .relu, scales: ArrayScales? = nil) {
        convention = .nfn
        omega0 = 30
        self.activation = activation
        self.hasCanonicalScale = hasCanonicalScale
        canonicalForm = nil
        self.scales = scales
        scaleMatrices = scales?.values.map { Matrix(rows: 1, columns: 1, values: [$0]) }
    }

    /// The notation of the networks that the model was trained on.
    package var notation: Notation {
        var notation = Notation(convention, omega0: omega0)
        notation.activation = activation
        return notation
    }

    /// The same function in the model's notation: what is drawn.
    /// - Throws: where the network's activation is not the sine, or a weight leaves the range of float32.
    package func converted(_ network: NetworkWeights, from source: Notation) throws(NetworkError) -> NetworkWeights {
        try network.converted(from: source, to: notation)
    }

    /// The inverse of `converted`.
    package func restored(_ network: NetworkWeights, to target: Notation) throws(NetworkError) -> NetworkWeights {
        try network.converted(from: notation, to: target)
    }

    /// The canonical weights of the same function, where the model asks for them, otherwise the network itself: what a
    /// forward pass reads.
    /// - Parameter activation: of the network; nil for that of the model's networks. The scale of other networks than
    ///   those of ReLUs is kept.
    package func canonical(_ network: NetworkWeights, activation: Nonlinearity? = nil) -> NetworkWeights {
        if hasCanonicalScale, activation ?? self.activation == .relu { return CanonicalScale()(network) }
        return canonicalForm.map { $0(network) } ?? network
    }

    /// The network with every array multiplied by its factor.
    package func scaled(_ network: NetworkWeights) -> NetworkWeights { scales.map { $0(network) } ?? network }

    /// The inverse of `scaled`.
    package func unscaled(_ network: NetworkWeights) -> NetworkWeights { scales.map { $0.inverse(network) } ?? network }

    /// For each layer, the factors by which its scaled weights and biases become phases in radians, in the last layer
    /// values: ω₀ / scale and 1 / scale.
    package func phaseFactors(depth: Int) -> [(weight: Float, bias: Float)] {
        (0..<depth).map { layer in
            let factor = layer == depth - 1 ? 1 : Float(omega0)
            guard let scales else { return (factor, factor) }
            return (factor / scales.values[2 * layer], factor / scales.values[2 * layer + 1])
        }
    }

    /// `scaled` as steps of a plan.
    func scaled(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        multiplied(x, by: scaleMatrices, in: builder)
    }

    /// `unscaled` as steps of a plan.
    func unscaled(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let inverses = scales?.values.map { Matrix(rows: 1, columns: 1, values: [1 / $0]) }
        return multiplied(x, by: inverses, in: builder)
    }

    private func multiplied(
        _ x: WeightSpaceFeatures, by factors: [Matrix]?, in builder: PlanBuilder
    ) -> WeightSpaceFeatures {
        guard let factors else { return x }
        let y = x.like(in: builder)
        for (index, (source, target)) in zip(x.arrays, y.arrays).enumerated() {
            builder.scale(source, by: factors[index], into: target)
        }
        return y
    }
}
