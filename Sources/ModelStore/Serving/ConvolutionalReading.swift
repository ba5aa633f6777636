import Engine
import Foundation
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

    /// - Parameters:
    ///   - transform: what the model makes of the scale of channels.
    ///   - compare: called where nothing says the activation: what the model makes of the network with each; nil for a
    ///     model that only reads weights.
    /// - Throws: where the activation is said to be one that CNNs are not read with.
    init(
        _ network: NetworkWeights, _ claims: NotationClaims, _ context: NetworkContext, for transform: InputScale,
        comparing compare: (() -> ActivationComparison)? = nil
    ) throws(NetworkError) {
        let known = claims.completed(by: NotationClaims(context, of: network))
        let comparison = known.activation == nil ? compare?() : nil
        activation = known.activation ?? comparison?.best ?? transform.activation
        guard activation == .relu || activation == .tanh else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a CNN of relu or tanh activations",
                    received: "one of \(activation.rawValue) activations"))
        }
        layout = context.layout?.layout
        folded = context.folded
        var reasons = [
            (
                "activation",
                known.sources[.activation] ?? comparison?.reason
                    ?? "a default: that of the networks that the model learned from"
            )
        ]
        var warnings: [String] = []
        if let comparison {
            if comparison.best == nil {
                warnings.append(
                    "the activation is not said, and neither answers clearly better; name it: activation=relu or activation=tanh"
                )
            }
        } else if known.activation == nil, transform.isCanonical {
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

/// The accuracies that a model predicts for one network with either activation.
struct ActivationComparison {
    let relu: Float
    let tanh: Float
    /// The least difference that decides. On networks of the zoo with an accuracy above 0.3 the right activation was
    /// always ahead by more.
    private static let leastDifference: Float = 0.03

    /// The activation with the higher accuracy; nil where they are too close.
    var best: Nonlinearity? {
        guard abs(relu - tanh) >= Self.leastDifference else { return nil }
        return relu > tanh ? .relu : .tanh
    }

    var reason: String {
        func text(_ value: Float) -> String { String(format: "%.3f", Double(value)) }
        let values = "predicted accuracy \(text(relu)) with relu and \(text(tanh)) with tanh"
        return best == nil ? "a default: \(values)" : "the better of two: \(values)"
    }
}
