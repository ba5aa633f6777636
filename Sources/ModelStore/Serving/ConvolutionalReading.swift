import Engine
import Foundation
import Networks
import SIREN

/// How a CNN was read, and what follows from nothing but a default.
package struct ConvolutionalReading: Sendable {
    /// The function between layers: as the client or the file says, found by trying, or that of the model's networks.
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
    ///   - transform: what the model makes of the activation.
    ///   - accuracy: what a model that runs networks makes of this one, read in one way; called where nothing says the
    ///     activation or the order of a flat vector. nil for a model that only reads weights.
    /// - Throws: where the activation is said to be one that CNNs are not read with.
    init(
        _ network: NetworkWeights, _ claims: NotationClaims, _ context: NetworkContext, for transform: ActivationUse,
        accuracy: ((Nonlinearity, FlatLayout?) -> Float)? = nil
    ) throws(NetworkError) {
        let known = claims.completed(by: NotationClaims(context, of: network))
        let flat = context.layout
        let activations = known.activation.map { [$0] } ?? Nonlinearity.ofConvolutions
        let layouts: [FlatLayout?] = flat.map { $0.isConfident ? [$0.layout] : FlatLayout.allCases } ?? [nil]
        let trials = accuracy.flatMap { accuracy -> ReadingTrials? in
            guard activations.count * layouts.count > 1 else { return nil }
            return ReadingTrials(
                activations.flatMap { activation in
                    layouts.map { ReadingTrial(activation: activation, layout: $0, accuracy: accuracy(activation, $0)) }
                }, classes: network.spec.outputs)
        }
        let triedActivation = known.activation == nil ? trials?.decision(\.activation) : nil
        let triedLayout = flat?.isConfident == false ? trials?.decision { $0.layout ?? .pytorch } : nil
        activation =
            known.activation ?? triedActivation?.best ?? transform.activation
        guard Nonlinearity.ofConvolutions.contains(activation) else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a CNN of relu or tanh activations",
                    received: "one of \(activation.rawValue) activations"))
        }
        layout = triedLayout?.best ?? flat?.layout
        folded = context.folded
        var reasons = [
            (
                "activation",
                known.sources[.activation] ?? triedActivation?.reason
                    ?? "a default: that of the networks that the model learned from"
            )
        ]
        var warnings: [String] = []
        if known.activation == nil {
            let names = "name it: activation=relu or activation=tanh"
            if let triedActivation {
                if !triedActivation.isCertain {
                    warnings.append(
                        "the activation is not said, and what the network answers with either does not tell it for certain; \(names)"
                    )
                }
            } else if transform.dependsOnActivation {
                warnings.append("the activation is not said, and the answer depends on it; \(names)")
            }
        }
        if let flat {
            reasons.append(("layout", [triedLayout?.reason, flat.reason].compactMap(\.self).joined(separator: "; ")))
            if !flat.isConfident, triedLayout?.isCertain != true {
                warnings.append(
                    "the order of the parameters is not said, and the values do not show it for certain; name it: layout=pytorch or layout=cnn-zoo"
                )
            }
        }
        self.reasons = reasons
        self.warnings = warnings
    }

    /// What a model makes of the activation.
    struct ActivationUse {
        /// That of its own networks.
        let activation: Nonlinearity
        /// Whether its answer depends on it: it reads the scales of channels by it, or runs the network.
        let dependsOnActivation: Bool
    }
}

/// One way to read a network, and the accuracy that a model predicts for it.
struct ReadingTrial {
    let activation: Nonlinearity
    /// nil where the layers were arrays of their own.
    let layout: FlatLayout?
    let accuracy: Float
}

/// A network read in every way that nothing decides between. Read wrongly, a network that has learned anything answers
/// nearly at random, so the way with the higher accuracy is the right one.
struct ReadingTrials {
    private let trials: [ReadingTrial]
    /// The least difference for which a way is preferred to the others.
    private static let leastDifference: Float = 0.03
    /// What a way that is certain must have above the accuracy of guessing. Of 1,200 networks of the zoo, with ten
    /// classes, 905 had an accuracy above 0.3, and the preferred activation and order were right for all of these; of the
    /// 295 others for 194.
    private static let leastGain: Float = 0.2
    private let guessing: Float

    /// - Parameter classes: that the network tells apart.
    init(_ trials: [ReadingTrial], classes: Int) {
        self.trials = trials
        guessing = 1 / Float(max(1, classes))
    }

    /// What the trials say of one part of the reading.
    /// - Parameter part: its value in a trial.
    /// - Returns: the value whose best trial is ahead of those of all others, nil where it is not; whether that is certain;
    ///   and the figures.
    func decision<Part: Hashable & RawRepresentable<String>>(
        _ part: (ReadingTrial) -> Part
    ) -> (best: Part?, isCertain: Bool, reason: String) {
        let ways = Dictionary(grouping: trials, by: part).mapValues { own in own.map(\.accuracy).max() ?? 0 }
            .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        let isClear = ways.count == 1 || (ways.count > 1 && ways[0].value - ways[1].value >= Self.leastDifference)
        let figures = ways.map { "\(String(format: "%.3f", Double($0.value))) as \($0.key.rawValue)" }.joined(
            separator: ", ")
        return (
            isClear ? ways.first?.key : nil, isClear && ways[0].value >= guessing + Self.leastGain,
            "\(isClear ? "the best of those tried" : "a default"): predicted accuracy \(figures)"
        )
    }
}
