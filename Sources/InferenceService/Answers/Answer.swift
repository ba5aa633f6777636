import ModelStore
import Networks
import NeuralFunctionals

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

struct ClassScores: Sendable {
    let logits: [Float]
    /// The class with the highest logit.
    let best: Int
    private let model: ServedModel

    /// Probabilities by descending score; ties keep the order of the classes.
    var ranking: [ClassScore] { model.ranking(logits) }

    /// By class.
    var probabilities: [Float] {
        var probabilities = [Float](repeating: 0, count: logits.count)
        for score in ranking { probabilities[score.classID] = score.score }
        return probabilities
    }

    init(_ logits: [Float], of model: ServedModel) {
        self.logits = logits
        best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
        self.model = model
    }
}

extension ServedModel {
    /// One row of `run` as what it means.
    func answer(_ operation: Operation, _ values: [Float]) -> Answer {
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
        let listed = classification(values)
        let opinions = listed.opinions.map { opinions in
            [
                Opinion(name: "weights", scores: ClassScores(opinions.weights, of: self)),
                Opinion(name: "probes", scores: ClassScores(opinions.probes, of: self)),
            ]
        }
        return Classification(scores: ClassScores(listed.logits, of: self), opinions: opinions ?? [])
    }
}
