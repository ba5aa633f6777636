import Foundation
import ModelStore
import Networks
import NeuralFunctionals
import SIREN

/// A model's answer to one network.
enum Answer: Sendable {
    case classes(Classification)
    case scalars([Float])
    case latents(Latents)
    case picture(Picture)
}

/// A latent array of one network.
struct Latents: Sendable {
    let shape: [Int]
    /// Row-major.
    let values: [Float]
}

/// The classes of one network, and what each part of the model says by itself.
struct Classification: Sendable {
    let scores: ClassScores
    /// Empty where the model has one part.
    let opinions: [Opinion]

    /// Whether all parts have the same best class; nil where there is one part.
    var agrees: Bool? {
        opinions.first.map { first in opinions.allSatisfy { $0.scores.best == first.scores.best } }
    }
}

/// What one part of a model says.
struct Opinion: Sendable {
    let name: String
    let scores: ClassScores
}

/// The scores of all classes, each array by class.
struct ClassScores: Sendable {
    let logits: [Float]
    /// softmax(logits / temperature), computed in float64.
    let probabilities: [Float]

    init(logits: [Float], temperature: Float) {
        self.logits = logits
        let peak = logits.max() ?? 0
        let weights = logits.map { exp(Double(($0 - peak) / temperature)) }
        let sum = weights.reduce(0, +)
        probabilities = weights.map { Float($0 / sum) }
    }

    /// The class with the highest logit.
    var best: Int { logits.indices.max { logits[$0] < logits[$1] } ?? 0 }

    /// By descending probability; ties keep the order of the classes.
    var ranking: [ClassScore] {
        probabilities.enumerated().map { ClassScore(classID: $0.offset, score: $0.element) }
            .sorted { ($1.score, $0.classID) < ($0.score, $1.classID) }
    }
}

/// A class with its probability.
struct ClassScore: Sendable {
    let classID: Int
    let score: Float
}

extension ServedModel {
    /// One row of `run` as what it means.
    func answer(_ operation: ModelStore.Operation, _ values: [Float]) -> Answer {
        switch operation {
        case .classify: return .classes(classes(values))
        case .predict: return .scalars(values)
        case .encode: return .latents(Latents(shape: latentShape ?? [], values: values))
        case .reconstruct:
            guard let image = manifest.input.image else { return .scalars(values) }
            return .picture(
                Picture(height: image.height, width: image.width, channels: image.channels, values: values))
        }
    }

    func classes(_ values: [Float]) -> Classification {
        func scores(_ logits: [Float]) -> ClassScores {
            ClassScores(logits: logits, temperature: manifest.temperature)
        }
        let listed = classification(values)
        let opinions = listed.opinions.map { opinions in
            [
                Opinion(name: "weights", scores: scores(opinions.weights)),
                Opinion(name: "probes", scores: scores(opinions.probes)),
            ]
        }
        return Classification(scores: scores(listed.logits), opinions: opinions ?? [])
    }
}
