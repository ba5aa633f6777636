import Foundation

/// A class with its probability.
package struct ClassScore: Sendable, Equatable {
    package let classID: Int
    package let score: Float
}

extension ServedModel {
    /// What the values of one network say, as `run(.classify, …)` returns them.
    package func classification(_ values: [Float]) -> Classification {
        Classification(values, classes: labels.count)
    }

    /// Probabilities of the classes by descending score; ties keep the order of the classes.
    package func ranking(_ logits: [Float]) -> [ClassScore] {
        let peak = logits.max() ?? 0
        let weights = logits.map { exp(Double(($0 - peak) / manifest.temperature)) }
        let sum = weights.reduce(0, +)
        return weights.enumerated()
            .map { ClassScore(classID: $0.offset, score: Float($0.element / sum)) }
            .sorted { ($1.score, $0.classID) < ($0.score, $1.classID) }
    }
}
