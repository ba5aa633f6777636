import Engine
import Networks
import NeuralFunctionals
import SIREN

/// Converts a network into what a model reads, and back: SIREN convention, sine frequency ω₀, canonical form, a factor
/// for every array.
///
/// Serving, training and drawing all use it. `converted` and `scaled` have inverses, exact up to rounding. The
/// canonical form is one of many weights of the same function and has no inverse; it does not change what the network
/// computes.
package struct InputTransform: Sendable {
    /// The convention of the networks that the model was trained on.
    package let convention: SIRENConvention
    /// ω₀ of those networks, in radians for each unit of a layer's output.
    package let omega0: Double
    /// The function between the layers of these networks.
    package let activation: Nonlinearity
    private let canonicalForm: CanonicalForm?
    /// Whether the model reads canonical weights.
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
        canonicalForm = isCanonical ? CanonicalForm(omega0: Float(omega0)) : nil
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
    package func canonical(_ network: NetworkWeights) -> NetworkWeights { canonicalForm.map { $0(network) } ?? network }

    /// The network with every array multiplied by its factor.
    package func scaled(_ network: NetworkWeights) -> NetworkWeights { scales.map { $0(network) } ?? network }

    /// The inverse of `scaled`.
    package func unscaled(_ network: NetworkWeights) -> NetworkWeights { scales.map { $0.inverse(network) } ?? network }

    /// `scaled` as steps of a plan.
    func scaled(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        guard let scaleMatrices else { return x }
        let y = x.like(in: builder)
        for (index, (source, target)) in zip(x.arrays, y.arrays).enumerated() {
            builder.scale(source, by: scaleMatrices[index], into: target)
        }
        return y
    }
}
