import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// One network of a batch.
package struct BatchItem: Sendable {
    /// The network's index in the corpus.
    package let index: Int
    /// Its class, from 0; −1 where it has none.
    package let label: Int
    /// The source of its augmentation and its mixup share. It depends only on the seed, the step and the position in
    /// the batch, so the results do not depend on the order in which threads take the items.
    package let random: RandomSource
}

/// Writes the inputs and targets of a batch into a plan's matrices.
struct Feeder: Sendable {
    let corpus: Corpus
    /// nil for none.
    let augmentation: Augmentation?
    let transform: InputTransform
    /// Parameter α of the beta distribution of the mixup shares.
    let mixup: Float

    /// Writes the networks of the items, augmented and in canonical form, their mixup shares and the tasks' targets.
    /// - Parameter items: as many as the plan's batch has networks.
    func feed(_ items: [BatchItem], to objective: RecordedObjective) {
        var randoms = items.map(\.random)
        let networks = items.indices.map { place in
            var network = corpus[items[place].index]
            if let augmentation { network = augmentation(network, &randoms[place]) }
            return transform.canonical(network, activation: corpus.activation(of: items[place].index))
        }
        objective.input.write(networks)
        var shares = [Float](repeating: 1, count: items.count)
        if let share = objective.share {
            for place in items.indices { shares[place] = Self.betaShare(mixup, &randoms[place]) }
            share.write(shares)
        }
        for task in objective.tasks { task.fill(items, shares: shares, corpus) }
    }

    /// A draw of max(λ, 1 − λ) with λ ~ Beta(α, α), by Jöhnk's method: for uniform u and v, x = u^(1/α) and y =
    /// v^(1/α), λ = x / (x + y) where x + y ≤ 1, else another draw. After 64 rejected draws the share is 1.
    private static func betaShare(_ alpha: Float, _ random: inout RandomSource) -> Float {
        for _ in 0..<64 {
            let (u, v) = (random.uniform(in: 0...1), random.uniform(in: 0...1))
            let (x, y) = (power(u, 1 / alpha), power(v, 1 / alpha))
            if x + y > 0, x + y <= 1 { return max(x, y) / (x + y) }
        }
        return 1
    }

    private static func power(_ base: Float, _ exponent: Float) -> Float { Float(pow(Double(base), Double(exponent))) }
}

/// The plan of a few networks' forward pass, and for training of the backward pass, for repeated runs on one thread.
struct Microbatch: Sendable {
    let objective: RecordedObjective
    /// The gradient of every trained parameter, in the order of the slots, nil where no loss depends on it; empty for a
    /// plan that only evaluates.
    let gradients: [Matrix?]
    private let plan: Plan
    private let pool = WorkerPool(threads: 1)

    /// A plan for training, with the gradients of Σ weight · loss / `total` over its networks and losses.
    /// - Parameters:
    ///   - group: the networks' shapes and activation.
    ///   - size: networks in the micro-batch.
    ///   - total: networks in the whole batch, so that the gradients of its micro-batches add up to that of the mean.
    init(
        training model: any Model, _ input: ModelInput, _ group: Corpus.Group, _ objective: Objective,
        _ parameters: LearnedParameters, size: Int, total: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(recordsGradients: true)
        builder.track(parameters.slots.map(\.matrix))
        let recorded = try RecordedObjective(
            model, input, group.spec, group.activation, objective, batch: size, isTraining: true, in: builder)
        builder.differentiate(
            recorded.losses.map { loss in
                let share = [Float](repeating: loss.weight / Float(total), count: size)
                return (loss.matrix, Matrix(rows: size, columns: 1, values: share))
            })
        gradients = parameters.slots.map { builder.gradientIfAny(of: $0.matrix) }
        plan = builder.finish(keeping: recorded.ends + gradients.compactMap(\.self))
        self.objective = recorded
    }

    /// A plan for evaluation: no gradients, no mixup, targets without label smoothing.
    init(
        evaluating model: any Model, _ input: ModelInput, _ group: Corpus.Group, _ objective: Objective, size: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(threads: 1, parametersAreFixed: false)
        let recorded = try RecordedObjective(
            model, input, group.spec, group.activation, objective.plain, batch: size, isTraining: false, in: builder)
        gradients = []
        plan = builder.finish(keeping: recorded.ends)
        self.objective = recorded
    }

    /// Computes the outputs, losses and gradients of the networks that a feeder has written.
    /// - Parameter parametersChanged: whether the parameters may be others than in the last run.
    func run(parametersChanged: Bool = true) { plan.run(pool, parametersChanged: parametersChanged) }
}
