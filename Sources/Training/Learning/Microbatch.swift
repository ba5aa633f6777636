import Engine
import Foundation
import ModelStore
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// One network of a batch as it is fed: its index in the corpus, and the random numbers that are its own.
struct BatchItem: Sendable {
    let index: Int
    let label: Int
    let random: RandomSource
}

/// Turns items into what a plan reads.
struct Feeder: Sendable {
    let corpus: Corpus
    let augmentation: Augmentation?
    let canonicalForm: CanonicalForm?
    let objective: Objective
    let classes: Int

    /// Fills the model's inputs with the items, one a network.
    func feed(_ items: [BatchItem], to model: RecordedModel) {
        var randoms = items.map(\.random)
        let networks = items.indices.map { place in
            var network = corpus[items[place].index]
            if let augmentation { network = augmentation(network, &randoms[place]) }
            return canonicalForm.map { $0(network) } ?? network
        }
        model.input.write(networks)
        var shares = [Float](repeating: 1, count: items.count)
        if model.share != nil {
            for place in items.indices { shares[place] = Self.betaShare(objective.mixup, &randoms[place]) }
            model.share?.write(shares)
        }
        guard let targets = model.targets else { return }
        var rows = [Float](repeating: objective.labelSmoothing / Float(classes), count: items.count * classes)
        for place in items.indices {
            let partner = items[items.count - 1 - place].label
            let rest = 1 - objective.labelSmoothing
            rows[place * classes + items[place].label] += rest * shares[place]
            rows[place * classes + partner] += rest * (1 - shares[place])
        }
        targets.write(rows)
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
    let model: RecordedModel
    /// Of every learned parameter, in order.
    let gradients: [Matrix]
    private let plan: Plan
    private let pool = WorkerPool(threads: 1)

    /// A pass for training: the objective's mean over `total` networks is differentiated.
    init(
        training networks: ServedNetworks, _ manifest: ModelManifest, _ objective: Objective,
        _ parameters: LearnedParameters, size: Int, total: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(recordsGradients: true)
        builder.track(parameters.slots.map(\.matrix))
        let model = try RecordedModel(
            networks, manifest, objective, batch: size, isTraining: true, in: builder)
        builder.differentiate(
            model.losses.map { loss in
                let share = [Float](repeating: loss.weight / Float(total), count: size)
                return (loss.matrix, Matrix(rows: size, columns: 1, values: share))
            })
        gradients = parameters.slots.map { builder.gradient(of: $0.matrix) }
        plan = builder.finish(keeping: model.ends + gradients)
        self.model = model
    }

    /// A pass that only looks.
    init(
        evaluating networks: ServedNetworks, _ manifest: ModelManifest, _ objective: Objective, size: Int
    ) throws(ModelError) {
        let builder = PlanBuilder(threads: 1, parametersAreFixed: false)
        let model = try RecordedModel(
            networks, manifest, objective, batch: size, isTraining: false, in: builder)
        gradients = []
        plan = builder.finish(keeping: model.ends)
        self.model = model
    }

    func run() { plan.run(pool) }
}
