import Dispatch
import Engine
import ModelStore
import Networks
import NeuralFunctionals
import SIREN
import Synchronization
import Tensors

/// What a model made of a set of networks.
package struct Evaluation: Sendable {
    package let labels: [Int]
    /// Logits of each part that has an opinion, network after network: weights, then probes.
    package let logits: [[[Float]]]
    /// Mean of every loss, by name.
    package let losses: [(name: String, mean: Double)]

    /// Share of networks whose highest logit is their label, for each part.
    package var accuracies: [Double] {
        logits.map { part in
            let hits = zip(part, labels).count { logits, label in
                logits.indices.max { logits[$0] < logits[$1] } == label
            }
            return Double(hits) / Double(max(1, labels.count))
        }
    }
}

/// Runs a model over networks without changing it.
package struct Evaluator: Sendable {
    private let feeder: Feeder
    private let workers: [Microbatch]
    private let size: Int

    package init(
        _ networks: ServedNetworks, _ manifest: ModelManifest, _ objective: Objective, corpus: Corpus,
        threads: Int, microbatch: Int = 4
    ) throws(ModelError) {
        var plain = objective
        (plain.mixup, plain.labelSmoothing) = (0, 0)
        feeder = Feeder(
            corpus: corpus, augmentation: nil,
            canonicalForm: manifest.input.canonicalizes ? CanonicalForm(omega0: Float(manifest.input.omega0)) : nil,
            objective: plain, classes: manifest.labels.count)
        size = microbatch
        var workers: [Microbatch] = []
        for _ in 0..<threads {
            workers.append(try Microbatch(evaluating: networks, manifest, plain, size: microbatch))
        }
        self.workers = workers
    }

    /// What the networks at `indices` draw and what is drawn from their latents; none where the model has no decoder.
    func pictures(_ indices: [Int], _ image: ImageShape) -> [(own: Picture, drawn: Picture)] {
        let worker = workers[0]
        guard let pictures = worker.model.pictures else { return [] }
        return stride(from: 0, to: indices.count, by: size).flatMap { start in
            let own = Array(indices[start..<min(indices.count, start + size)])
            let items = (0..<size).map { place in
                BatchItem(index: own[min(place, own.count - 1)], label: 0, random: RandomSource(seed: 0))
            }
            feeder.feed(items, to: worker.model)
            worker.run()
            func picture(_ matrix: Matrix, _ row: Int) -> Picture {
                Picture(
                    height: image.height, width: image.width, channels: image.channels,
                    values: matrix.rows(row..<row + 1).read())
            }
            return own.indices.map { (picture(pictures.own, $0), picture(pictures.drawn, $0)) }
        }
    }

    /// Answers for the networks at `indices`, in order.
    package func callAsFunction(_ indices: [Int]) -> Evaluation {
        typealias Part = (logits: [[[Float]]], losses: [[Float]])
        let count = (indices.count + size - 1) / size
        let parts = Mutex([Part?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: workers.count) { index in
            let worker = workers[index]
            for part in stride(from: index, to: count, by: workers.count) {
                let own = indices[part * size..<min(indices.count, (part + 1) * size)]
                // The last part is filled up with repetitions, whose answers are dropped.
                let items = (0..<size).map { place in
                    let network = own[own.startIndex + min(place, own.count - 1)]
                    return BatchItem(
                        index: network, label: feeder.corpus.labels[network], random: RandomSource(seed: 0))
                }
                feeder.feed(items, to: worker.model)
                worker.run()
                let logits = worker.model.logits.map { matrix in
                    let values = matrix.read()
                    return (0..<own.count).map { Array(values[$0 * matrix.columns..<($0 + 1) * matrix.columns]) }
                }
                let losses = worker.model.losses.map { Array($0.matrix.read().prefix(own.count)) }
                parts.withLock { $0[part] = (logits, losses) }
            }
        }
        let done = parts.withLock { $0 }.compactMap { $0 }
        return Evaluation(
            labels: indices.map { feeder.corpus.labels[$0] },
            logits: workers[0].model.logits.indices.map { part in done.flatMap { $0.logits[part] } },
            losses: workers[0].model.names.enumerated().map { index, name in
                let values = done.flatMap { $0.losses[index] }
                return (name, values.reduce(0) { $0 + Double($1) } / Double(max(1, values.count)))
            })
    }
}
