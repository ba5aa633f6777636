import Dispatch
import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import Synchronization
import Tensors

/// How a model learns, apart from what it is.
package struct TrainingPlan: Sendable {
    package var steps = 1000
    package var batch = 64
    /// Networks computed at a time on one thread, small enough for their activations to stay in cache.
    package var microbatch = 4
    package var rate: Float = 1e-3
    package var warmUpSteps = 100
    /// The rate at the end, as a share of the highest.
    package var finalShare: Float = 0
    package var decay: Float = 0.01
    package var optimizer = AdamW()
    /// The largest norm of a gradient; longer ones are shortened to it.
    package var clipNorm: Float = 1
    /// Decay of the running average of the parameters.
    package var averageDecay: Float = 0.999
    package var seed: UInt64 = 0

    package init() {}

    /// Linear warm-up, then a cosine down to the final share.
    func rate(at step: Int) -> Float {
        if step < warmUpSteps { return rate * Float(step + 1) / Float(warmUpSteps) }
        let progress = Double(step - warmUpSteps) / Double(max(1, steps - warmUpSteps))
        let cosine = 0.5 * (1 + cos(Double.pi * min(1, progress)))
        return rate * (finalShare + (1 - finalShare) * Float(cosine))
    }
}

/// What one step was like.
package struct StepReport: Sendable {
    package let step: Int
    package let epoch: Int
    package let rate: Float
    package let gradientNorm: Double
    /// Means over the batch, named as in `Trainer.lossNames`.
    package let losses: [Double]
}

/// Trains a model by data-parallel steps whose results do not depend on the number of threads.
///
/// A batch is cut into micro-batches and these into a fixed number of lanes; a lane adds up the gradients of its
/// micro-batches in order, and the lanes are added up in order, whichever thread computed them.
package final class Trainer: Sendable {
    package let plan: TrainingPlan
    package let parameters: LearnedParameters
    package let lossNames: [String]
    private let feeder: Feeder
    private let order: EpochOrder
    private let workers: [Microbatch]
    /// Gradients added up, lane after lane.
    private let lanes: [[Matrix]]
    private static let laneCount = 8

    package init(
        _ model: any Model, _ input: ModelInput, _ objective: Objective, _ parameters: LearnedParameters,
        corpus: Corpus, indices: [Int], augmentation: Augmentation?, plan: TrainingPlan, threads: Int
    ) throws(ModelError) {
        guard plan.batch % plan.microbatch == 0, plan.batch > 0 else {
            throw ModelError("a batch of \(plan.batch) does not divide into micro-batches of \(plan.microbatch)")
        }
        self.plan = plan
        self.parameters = parameters
        feeder = Feeder(
            corpus: corpus, augmentation: augmentation, transform: input.transform, mixup: objective.mixup)
        order = EpochOrder(indices, sources: corpus.sources, seed: plan.seed)
        guard order.count >= plan.batch else {
            throw ModelError("\(order.count) pictures to learn from are fewer than a batch of \(plan.batch)")
        }
        let laneCount = min(Self.laneCount, plan.batch / plan.microbatch)
        var workers: [Microbatch] = []
        for _ in 0..<min(threads, laneCount) {
            workers.append(
                try Microbatch(
                    training: model, input, objective, parameters, size: plan.microbatch, total: plan.batch))
        }
        self.workers = workers
        lossNames = workers[0].objective.losses.map(\.name)
        lanes = (0..<laneCount).map { _ in parameters.slots.map { Matrix(zeros: $0.matrix.rows, $0.matrix.columns) } }
    }

    /// Steps that visit every picture once.
    package var stepsPerEpoch: Int { order.count / plan.batch }

    /// One step; the same for the same parameters, moments and `step`, whatever ran before.
    package func step(_ step: Int, epochCache: inout (epoch: Int, networks: [Int])?) -> StepReport {
        let epoch = step / stepsPerEpoch
        let networks: [Int]
        if let cached = epochCache, cached.epoch == epoch {
            networks = cached.networks
        } else {
            networks = order.networks(epoch: epoch)
            epochCache = (epoch, networks)
        }
        let first = step % stepsPerEpoch * plan.batch
        let items = (0..<plan.batch).map { place in
            let index = networks[first + place]
            let seed = plan.seed ^ (UInt64(step) << 24 | UInt64(place)) &* 0x9E37_79B9_7F4A_7C15
            return BatchItem(index: index, label: feeder.corpus.labels[index], random: RandomSource(seed: seed))
        }
        let losses = gradients(of: items)
        let norm = reduceLanes()
        update(step, norm: norm)
        return StepReport(
            step: step, epoch: epoch, rate: plan.rate(at: step), gradientNorm: norm, losses: losses)
    }

    /// Fills the lanes; returns the mean of every loss.
    private func gradients(of items: [BatchItem]) -> [Double] {
        let (size, count) = (plan.microbatch, plan.batch / plan.microbatch)
        let sums = Mutex([[Double]](repeating: [], count: count))
        DispatchQueue.concurrentPerform(iterations: workers.count) { index in
            let worker = workers[index]
            for lane in stride(from: index, to: lanes.count, by: workers.count) {
                // Micro-batches lane, lane + lanes, lane + 2 · lanes, …
                for part in stride(from: lane, to: count, by: lanes.count) {
                    feeder.feed(Array(items[part * size..<(part + 1) * size]), to: worker.objective)
                    worker.run()
                    for (total, gradient) in zip(lanes[lane], worker.gradients) {
                        part == lane ? total.assign(gradient) : total.add(gradient)
                    }
                    let own = worker.objective.losses.map { loss in
                        loss.matrix.read().reduce(0.0) { $0 + Double($1) }
                    }
                    sums.withLock { $0[part] = own }
                }
            }
        }
        let parts = sums.withLock { $0 }
        return lossNames.indices.map { index in parts.reduce(0) { $0 + $1[index] } / Double(plan.batch) }
    }

    /// Adds all lanes to the first; returns the norm of the whole gradient.
    private func reduceLanes() -> Double {
        var squares = 0.0
        for index in parameters.slots.indices {
            for lane in lanes.dropFirst() { lanes[0][index].add(lane[index]) }
            squares += lanes[0][index].sumOfSquares
        }
        return squares.squareRoot()
    }

    private func update(_ step: Int, norm: Double) {
        // A gradient that is no number would spoil everything; the step is skipped.
        guard norm.isFinite else { return }
        let factor = norm > Double(plan.clipNorm) ? plan.clipNorm / Float(norm) : 1
        let rate = plan.rate(at: step)
        let share = 1 - min(plan.averageDecay, Float(step + 1) / Float(step + 10))
        for (slot, gradient) in zip(parameters.slots, lanes[0]) {
            plan.optimizer.update(
                slot.matrix, gradient: gradient, moments: slot.moments, count: step + 1, rate: rate,
                decay: slot.decays ? plan.decay : 0, gradientFactor: factor)
            slot.average.blend(slot.matrix, share: share)
        }
    }
}
