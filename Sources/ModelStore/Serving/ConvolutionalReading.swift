import Engine
import Networks
import SIREN

/// How a CNN was read, and what follows from nothing but a default.
package struct ConvolutionalReading: Sendable {
    /// The function between layers: of the client, the file, or the model's networks.
    package let activation: Nonlinearity
    /// The order of parameters in the flat vector that it came in; nil where the layers were arrays of their own.
    package let layout: FlatLayout?
    /// What each of these follows from, as a clause for people.
    package let reasons: [(part: String, reason: String)]
    /// What was folded into the layers, one sentence for each.
    package let folded: [String]
    /// What the client should know or do, as sentences.
    package let warnings: [String]
    /// Whether nothing that the answer depends on is a default.
    package var isConfident: Bool { warnings.isEmpty }

    /// - Throws: where the activation is said to be one that CNNs are not read with.
    init(
        _ network: NetworkWeights, _ claims: NotationClaims, _ context: NetworkContext, for transform: InputScale
    ) throws(NetworkError) {
        let known = claims.completed(by: NotationClaims(context, of: network))
        activation = known.activation ?? transform.activation
        guard activation == .relu || activation == .tanh else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a CNN of relu or tanh activations",
                    received: "one of \(activation.rawValue) activations"))
        }
        layout = context.layout?.layout
        folded = context.folded
        var reasons = [
            ("activation", known.sources[.activation] ?? "a default: that of the networks that the model learned from")
        ]
        var warnings: [String] = []
        if known.activation == nil, transform.isCanonical {
            warnings.append(
                "the activation is not said, and the model reads the scales of channels by it; name it: activation=relu or activation=tanh"
            )
        }
        if let layout = context.layout {
            reasons.append(("layout", layout.reason))
            if !layout.isConfident {
                warnings.append(
                    "the values do not show the order of the parameters; name it: layout=pytorch or layout=cnn-zoo")
            }
        }
        self.reasons = reasons
        self.warnings = warnings
    }

    /// What a model does with the scale of channels.
    struct InputScale {
        let activation: Nonlinearity
        let isCanonical: Bool
    }
}
