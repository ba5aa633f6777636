import Engine
import NeuralFunctionals

/// Class logits of a model's parts: those that read the weights and those that evaluate the network.
package struct Opinions {
    /// (batch, classes) each
    package let weights: Matrix?
    package let probes: Matrix?

    /// Rows of the answer's logits, then the weights' and the probes' where both speak.
    func listed(probeShare: Float, in builder: PlanBuilder) throws(ModelError) -> Matrix {
        guard let weights, let probes else {
            if let sole = weights ?? probes { return sole }
            throw ModelError("the model does not classify")
        }
        let classes = probes.columns
        let list = builder.matrix(rows: probes.rows, columns: 3 * classes)
        let answer = list.columns(0..<classes)
        builder.copy(probes, to: answer)
        builder.scale(answer, by: probeShare)
        builder.add(weights, to: answer, factor: 1 - probeShare)
        builder.copy(weights, to: list.columns(classes..<2 * classes))
        builder.copy(probes, to: list.columns(2 * classes..<3 * classes))
        return list
    }
}

/// The answer to one network, and whether the model's parts agree on it.
package struct Classification: Sendable {
    package let logits: [Float]
    /// Of the part that reads weights and the part that evaluates the network, where a model has both.
    package let opinions: (weights: [Float], probes: [Float])?

    /// - Parameter values: one row of `Opinions.listed`.
    package init(_ values: [Float], classes: Int) {
        logits = Array(values.prefix(classes))
        opinions =
            values.count == 3 * classes
            ? (Array(values[classes..<2 * classes]), Array(values[(2 * classes)...])) : nil
    }

    /// The class of the highest logit.
    package var best: Int { Self.best(logits) }

    /// Whether both parts of the model would say the same class; nil where there is one part. Parts that disagree are a
    /// sign of a network unlike those that the model was trained on.
    package var agrees: Bool? { opinions.map { Self.best($0.weights) == Self.best($0.probes) } }

    private static func best(_ logits: [Float]) -> Int { logits.indices.max { logits[$0] < logits[$1] } ?? 0 }
}
