import Dispatch
import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import Synchronization
import Tensors

/// The hyperparameters of a training run, with the number of its steps.
package struct TrainingPlan: Sendable {
    /// Steps of the optimiser.
    package var steps = 1000
    /// Networks in a step.
    package var batch = 64
    /// Networks computed at a time on one thread, few enough for their activations to stay in one core's cache. Divides
    /// `batch`.
    package var microbatch = 4
    /// The highest learning rate, reached at the end of the warm-up.
    package var rate: Float = 1e-3
    /// Steps in which the learning rate rises linearly to `rate`.
    package var warmUpSteps = 100
    /// The learning rate at the end of the run, divided by `rate`.
    package var finalShare: Float = 0
    /// AdamW's weight decay, of parameters with more than one axis.
    package var decay: Float = 0.01
    /// β₁, β₂ and ε of AdamW.
    package var optimizer = AdamW()
    /// The largest Euclidean norm of the whole gradient; a longer gradient is scaled down to it.
    package var clipNorm: Float = 1
    /// d of the running averages of the parameters: average = d · average + (1 − d) · parameter after every step. In
    /// step t, from 0, d is at most (t + 1) / (t + 10).
    package var averageDecay: Float = 0.999
    /// The seed of the order of networks, the augmentation and the mixup.
    package var seed: UInt64 = 0

    /// The defaults of each property.
    package init() {}

    /// The learning rate of a step, from 0. With w warm-up steps, n steps and final share s: rate · (step + 1) / w
    /// during the warm-up, then rate · (s + (1 − s) · (1 + cos(π p)) / 2) with p = (step − w) / (n − w).
    func rate(at step: Int) -> Float {
        if step < warmUpSteps { return rate * Float(step + 1) / Float(warmUpSteps) }
        let progress = Double(step - warmUpSteps) / Double(max(1, steps - warmUpSteps))
        let cosine = 0.5 * (1 + cos(Double.pi * min(1, progress)))
        return rate * (finalShare + (1 - finalShare) * Float(cosine))
    }
}

/// The figures of one training step.
package struct StepReport: Sendable {
    /// The number of the step, from 0.
    package let step: Int
    /// The number of its epoch, from 0.
    package let epoch: Int
    /// The step's learning rate.
    package let rate: Float
    /// The Euclidean norm of the whole gradient before clipping. Where it is not finite, the step changed no parameter.
    package let gradientNorm: Double
    /// The mean of each loss over the batch, without its weight, in the order of `Trainer.lossNames`.
    package let losses: [Double]
}

/// Trains a model by data-parallel steps whose results are the same bits at any number of threads.
///
/// A batch is cut into micro-batches, and micro-batch i belongs to lane i mod L, with L = min(8, micro-batches). The
/// gradients of a lane's micro-batches are added up in order, and then those of the lanes in order, so floating-point
/// sums do not depend on which thread computed what. All networks of a micro-batch are of one group of the corpus.
package final class Trainer: Sendable {
    /// The hyperparameters of the run.
    package let plan: TrainingPlan
    /// The parameters that the steps change.
    package let parameters: LearnedParameters
    /// The names of the objective's losses, such as `weights`, `probes` and `reconstruction`.
    package let lossNames: [String]
    private let feeder: Feeder
    private let order: EpochOrder
    /// For each thread a plan of each of the corpus' groups.
    private let workers: [[Microbatch]]
    /// For each lane the sum of its micro-batches' gradients, in the order of the parameters' slots.
    private let lanes: [[Matrix]]
    private static let laneCount = 8

    /// - Parameters:
    ///   - model: built from the readers of `parameters`.
    ///   - input: the networks that the model reads.
    ///   - indices: the training networks, as indices of the corpus.
    ///   - threads: of which at most as many are used as there are lanes.
    /// - Throws: `ModelError` where the batch is not a multiple of the micro-batch, networks are to be mixed in
    ///   micro-batches of one, there are fewer sources than a batch, or the model does not offer a task's output.
    package init(
        _ model: any Model, _ input: ModelInput, _ objective: Objective, _ parameters: LearnedParameters,
        corpus: Corpus, indices: [Int], augmentation: Augmentation?, plan: TrainingPlan, threads: Int
    ) throws(ModelError) {
        guard plan.batch % plan.microbatch == 0, plan.batch > 0 else {
            throw ModelError(
                "optimization.batch: expected a multiple of microbatch \(plan.microbatch), received \(plan.batch)")
        }
        guard objective.mixup == 0 || plan.microbatch > 1 else {
            throw ModelError(
                "objective.mixup mixes the networks of a micro-batch: expected an optimization.microbatch of at least 2, received 1"
            )
        }
        self.plan = plan
        self.parameters = parameters
        feeder = Feeder(
            corpus: corpus, augmentation: augmentation, transform: input.transform, mixup: objective.mixup)
        order = EpochOrder(indices, of: corpus, seed: plan.seed, microbatch: plan.microbatch)
        guard order.count >= plan.batch else {
            throw ModelError(
                "\(order.count) training pictures are fewer than a batch of \(plan.batch); lower optimization.batch or validation_pictures, or add data"
            )
        }
        let laneCount = min(Self.laneCount, plan.batch / plan.microbatch)
        var workers: [[Microbatch]] = []
        for _ in 0..<min(threads, laneCount) {
            var plans: [Microbatch] = []
            for group in corpus.groups {
                plans.append(
                    try Microbatch(
                        training: model, input, group, objective, parameters, size: plan.microbatch,
                        total: plan.batch))
            }
            workers.append(plans)
        }
        self.workers = workers
        lossNames = workers[0][0].objective.losses.map(\.name)
        lanes = (0..<laneCount).map { _ in parameters.slots.map { Matrix(zeros: $0.matrix.rows, $0.matrix.columns) } }
    }

    /// Steps in an epoch, which visits every picture once; the pictures left over by whole batches are skipped.
    package var stepsPerEpoch: Int { order.count / plan.batch }

    /// Does one step: gradients, clipping, AdamW and the running averages. Its result depends only on the parameters,
    /// their moments and averages, and `step`. One call at a time.
    /// - Parameters:
    ///   - step: the number of the step, from 0.
    ///   - epochCache: keeps the order of the current epoch between calls; nil at first.
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

    /// Computes the lanes' gradients of a batch.
    /// - Returns: the mean of every loss over the batch.
    private func gradients(of items: [BatchItem]) -> [Double] {
        let (size, count) = (plan.microbatch, plan.batch / plan.microbatch)
        let sums = Mutex([[Double]](repeating: [], count: count))
        DispatchQueue.concurrentPerform(iterations: workers.count) { index in
            // Groups whose plan has run with this step's parameters.
            var current: Set<Int> = []
            for lane in stride(from: index, to: lanes.count, by: workers.count) {
                // Micro-batches lane, lane + lanes, lane + 2 · lanes, …
                for part in stride(from: lane, to: count, by: lanes.count) {
                    let own = Array(items[part * size..<(part + 1) * size])
                    // All of one group: see EpochOrder.
                    let group = feeder.corpus.group(of: own[0].index)
                    let worker = workers[index][group]
                    feeder.feed(own, to: worker.objective)
                    worker.run(parametersChanged: current.insert(group).inserted)
                    for (total, gradient) in zip(lanes[lane], worker.gradients) {
                        if part == lane {
                            gradient.map(total.assign) ?? total.clear()
                        } else if let gradient {
                            total.add(gradient)
                        }
                    }
                    let means = worker.objective.losses.map { loss in
                        loss.matrix.read().reduce(0.0) { $0 + Double($1) }
                    }
                    sums.withLock { $0[part] = means }
                }
            }
        }
        let parts = sums.withLock { $0 }
        return lossNames.indices.map { index in parts.reduce(0) { $0 + $1[index] } / Double(plan.batch) }
    }

    /// Adds all lanes to the first.
    /// - Returns: the Euclidean norm of the whole gradient.
    private func reduceLanes() -> Double {
        var squares = 0.0
        for index in parameters.slots.indices {
            for lane in lanes.dropFirst() { lanes[0][index].add(lane[index]) }
            squares += lanes[0][index].sumOfSquares
        }
        return squares.squareRoot()
    }

    /// Clips the gradient to `clipNorm` and updates parameters, moments and averages.
    private func update(_ step: Int, norm: Double) {
        // A gradient with NaN or infinity would make all parameters NaN, so such a step changes nothing.
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
