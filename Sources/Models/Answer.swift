import Engine
import Foundation
import Networks
import NeuralFunctionals
import SIREN

/// A model's answer to one network.
package enum Answer: Sendable {
    case classes(Classification)
    /// Such as a predicted accuracy.
    case scalars([Float])
    case latents(Latents)
    case picture(Picture)
    /// An edited network, in the model's notation.
    case weights(NetworkWeights)

    /// The numbers that the model has computed, in order.
    package var values: [Float] {
        switch self {
        case .classes(let classes): classes.scores.logits + classes.opinions.flatMap { $0.scores?.logits ?? [] }
        case .scalars(let values): values
        case .latents(let latents): latents.values
        case .picture(let picture): picture.values
        case .weights(let network): network.flattened
        }
    }
}

/// A latent array of one network.
package struct Latents: Sendable {
    /// [latents, width]
    package let shape: [Int]
    /// Row by row.
    package let values: [Float]

    package init(shape: [Int], values: [Float]) {
        self.shape = shape
        self.values = values
    }
}

/// The classes of one network, and what each part of the model says by itself.
package struct Classification: Sendable {
    package let scores: ClassScores
    /// Empty where the model has one part.
    package let opinions: [Opinion]

    package init(scores: ClassScores, opinions: [Opinion]) {
        self.scores = scores
        self.opinions = opinions
    }

    /// Whether all parts have the same best class; nil where fewer than two parts have read the network. Parts that
    /// disagree are a sign of a network unlike those that the model was trained on.
    package var agrees: Bool? {
        let best = opinions.compactMap(\.scores?.best)
        return best.count > 1 ? best.allSatisfy { $0 == best[0] } : nil
    }
}

/// What one part of a model says.
package struct Opinion: Sendable {
    /// `weights` or `probes`.
    package let name: String
    /// Nil where the part cannot read the network.
    package let scores: ClassScores?

    package init(name: String, scores: ClassScores?) {
        self.name = name
        self.scores = scores
    }
}

/// The scores of all classes, each array by class.
package struct ClassScores: Sendable {
    package let logits: [Float]
    /// softmax(logits / temperature), computed in float64.
    package let probabilities: [Float]

    package init(logits: [Float], temperature: Float) {
        self.logits = logits
        let peak = logits.max() ?? 0
        let weights = logits.map { exp(Double(($0 - peak) / temperature)) }
        let sum = weights.reduce(0, +)
        probabilities = weights.map { Float($0 / sum) }
    }

    /// The class with the highest logit.
    package var best: Int { logits.indices.max { logits[$0] < logits[$1] } ?? 0 }

    /// By descending probability; ties keep the order of the classes.
    package var ranking: [ClassScore] {
        probabilities.enumerated().map { ClassScore(classID: $0.offset, score: $0.element) }
            .sorted { ($1.score, $0.classID) < ($0.score, $1.classID) }
    }
}

/// A class with its probability.
package struct ClassScore: Sendable, Equatable {
    package let classID: Int
    package let score: Float
}

extension RecordedOutput {
    /// The answer to the only network of a pass that has run.
    /// - Parameter temperature: divides logits before the softmax.
    package func answer(temperature: Float) -> Answer {
        switch self {
        case .classes(let classes):
            func scores(_ logits: [Float]) -> ClassScores { ClassScores(logits: logits, temperature: temperature) }
            var opinions = classes.silent.map { Opinion(name: $0, scores: nil) }
            if opinions.count + classes.parts.count > 1 {
                opinions += classes.parts.map { Opinion(name: $0.name, scores: scores($0.logits.read())) }
            }
            return .classes(Classification(scores: scores(classes.logits.read()), opinions: opinions))
        case .scalars(let values): return .scalars(values.read())
        case .latents(let values, let count):
            return .latents(Latents(shape: [count, values.columns], values: values.read()))
        case .picture(let values, let image):
            return .picture(
                Picture(height: image.height, width: image.width, channels: image.channels, values: values.read()))
        case .weights(let features):
            return .weights(features.networks()[0])
        }
    }
}
