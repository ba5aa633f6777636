import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// One network of a batch as it is fed: its index in the corpus, and the random numbers that are its own.
package struct BatchItem: Sendable {
    package let index: Int
    package let label: Int
    package let random: RandomSource
}

/// Turns items into what a plan reads.
struct Feeder: Sendable {
    let corpus: Corpus
    let augmentation: Augmentation?
    let transform: InputTransform
    let mixup: Float

    /// Fills the inputs and targets with the items, one a network.
    func feed(_ items: [BatchItem], to objective: RecordedObjective) {
        var randoms = items.map(\.random)
        let networks = items.indices.map { place in
            var network = corpus[items[place].index]
            if let augmentation { network = augmentation(network, &randoms[place]) }
            return transform.canonical(network)
        }
        objective.input.write(networks)
        var shares = [Float](repeating: 1, count: items.count)
        if let share = objective.share {
            for place in items.indices { shares[place] = Self.betaShare(mixup, &randoms[place]) }
            share.write(shares)
        }
        for task in objective.tasks { task.fill(items, shares: shares) }
    }

    /// A draw of max(λ, 1 − λ) with λ from the symmetric beta distribution (Jöhnk's method).
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

/// A few networks' forward and backward pass on one thread, ready to run again and again.
struct Microbatch: Sendable {
    let objective: RecordedObjective
    /// Of every learned parameter, in order.
    let gradients: [Matrix]
    private let plan: Plan
    private let pool = WorkerPool(threads: 1)

    /// A pass for training: the objective's mean over `total` networks is differentiated.
    init(
        training model: any Model, _ input: ModelInput, _ objective: Objective, _ parameters: LearnedParameters,
        size: Int, total: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(recordsGradients: true)
        builder.track(parameters.slots.map(\.matrix))
        let recorded = try RecordedObjective(model, input, objective, batch: size, isTraining: true, in: builder)
        builder.differentiate(
            recorded.losses.map { loss in
                let share = [Float](repeating: loss.weight / Float(total), count: size)
                return (loss.matrix, Matrix(rows: size, columns: 1, values: share))
            })
        gradients = parameters.slots.map { builder.gradient(of: $0.matrix) }
        plan = builder.finish(keeping: recorded.ends + gradients)
        self.objective = recorded
    }

    /// A pass that only measures.
    init(
        evaluating model: any Model, _ input: ModelInput, _ objective: Objective, size: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(threads: 1, parametersAreFixed: false)
        let recorded = try RecordedObjective(
            model, input, objective.plain, batch: size, isTraining: false, in: builder)
        gradients = []
        plan = builder.finish(keeping: recorded.ends)
        self.objective = recorded
    }

    func run() { plan.run(pool) }
}
