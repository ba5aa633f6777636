import Engine
import Foundation
import Networks
import NeuralFunctionals
import SIREN

/// A model's answer for one network.
package enum Answer: Sendable {
    /// Scores of all classes.
    case classes(Classification)
    /// Numbers such as a predicted accuracy, in the order of the model's outputs.
    case scalars([Float])
    /// A latent array.
    case latents(Latents)
    /// A reconstructed picture, with values nominally in [−1, 1].
    case picture(Picture)
    /// Networks in the model's notation, the mean of whose outputs is the edited network's; usually one.
    case weights([NetworkWeights])

    /// All numbers of the answer as one array, for comparison: for classes the logits, then those of each part; for
    /// weights w0, b0, w1, … of each network
    package var values: [Float] {
        switch self {
        case .classes(let classes): classes.scores.logits + classes.opinions.flatMap { $0.scores?.logits ?? [] }
        case .scalars(let values): values
        case .latents(let latents): latents.values
        case .picture(let picture): picture.values
        case .weights(let networks): networks.flatMap(\.flattened)
        }
    }
}

/// A latent array of one network.
package struct Latents: Sendable {
    /// [latents, width]
    package let shape: [Int]
    /// Row by row.
    package let values: [Float]

    /// `values` has as many elements as `shape`; not checked.
    package init(shape: [Int], values: [Float]) {
        self.shape = shape
        self.values = values
    }
}

/// The class scores of one network, and those of each part of the model by itself.
package struct Classification: Sendable {
    /// The scores of the whole model.
    package let scores: ClassScores
    /// The scores of each part of the model; empty where it has only one part.
    package let opinions: [Opinion]

    /// The scores of the whole model and of its parts.
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

/// The scores of one part of a model by itself.
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

/// Logits and probabilities of all classes, in the order of the classes.
package struct ClassScores: Sendable {
    /// As the model computes them.
    package let logits: [Float]
    /// softmax(logits / temperature), computed in float64.
    package let probabilities: [Float]

    /// - Parameters:
    ///   - logits: at least one.
    ///   - temperature: above 0; divides the logits before the softmax.
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

/// A class and its probability.
package struct ClassScore: Sendable, Equatable {
    /// The index of the class.
    package let classID: Int
    /// Its probability, from 0 to 1.
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
        case .weights(let networks):
            return .weights(networks.map { $0.networks()[0] })
        }
    }
}
