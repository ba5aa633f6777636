import Dispatch
import Engine
import Models
import Networks
import NeuralFunctionals
import SIREN
import Synchronization
import Tensors

/// What a model made of a set of networks.
package struct Evaluation: Sendable {
    /// In the order of the objective's tasks.
    package let tasks: [TaskEvaluation]

    /// Mean of every loss, by name.
    package var losses: [(name: String, mean: Double)] { tasks.flatMap(\.losses) }
}

/// Runs a model over networks without changing it.
package struct Evaluator: Sendable {
    private let feeder: Feeder
    private let workers: [Microbatch]
    private let size: Int

    package init(
        _ model: any Model, _ input: ModelInput, _ objective: Objective, corpus: Corpus, threads: Int,
        microbatch: Int = 4
    ) throws(ModelError) {
        feeder = Feeder(corpus: corpus, augmentation: nil, transform: input.transform, mixup: 0)
        size = microbatch
        var workers: [Microbatch] = []
        for _ in 0..<threads {
            workers.append(try Microbatch(evaluating: model, input, objective, size: microbatch))
        }
        self.workers = workers
    }

    /// The pictures that the networks at `indices` draw and those that the model draws of them; none where no task draws.
    func pictures(_ indices: [Int], _ image: ImageShape) -> [(own: Picture, drawn: Picture)] {
        let worker = workers[0]
        guard let pictures = worker.objective.tasks.compactMap(\.pictures).first else { return [] }
        return stride(from: 0, to: indices.count, by: size).flatMap { start in
            let own = Array(indices[start..<min(indices.count, start + size)])
            feeder.feed(items(own[...]), to: worker.objective)
            worker.run()
            func picture(_ matrix: Matrix, _ row: Int) -> Picture {
                Picture(
                    height: image.height, width: image.width, channels: image.channels,
                    values: matrix.rows(row..<row + 1).read())
            }
            return own.indices.map { (picture(pictures.wanted, $0), picture(pictures.drawn, $0)) }
        }
    }

    /// The networks of a micro-batch; places that are left over repeat the last network, whose answers are dropped.
    private func items(_ indices: ArraySlice<Int>) -> [BatchItem] {
        (0..<size).map { place in
            let network = indices[indices.startIndex + min(place, indices.count - 1)]
            return BatchItem(index: network, label: feeder.corpus.labels[network], random: RandomSource(seed: 0))
        }
    }

    /// Answers for the networks at `indices`, in order.
    package func callAsFunction(_ indices: [Int]) -> Evaluation {
        /// Rows of every part and losses of every task, of one micro-batch.
        typealias Values = [(parts: [[[Float]]], losses: [[Float]])]
        let count = (indices.count + size - 1) / size
        let batches = Mutex([Values?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: workers.count) { index in
            let worker = workers[index]
            for batch in stride(from: index, to: count, by: workers.count) {
                let own = indices[batch * size..<min(indices.count, (batch + 1) * size)]
                feeder.feed(items(own), to: worker.objective)
                worker.run()
                let values: Values = worker.objective.tasks.map { task in
                    let parts = task.parts.map { part in
                        let values = part.matrix.read()
                        let columns = part.matrix.columns
                        return (0..<own.count).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
                    }
                    return (parts, task.losses.map { Array($0.matrix.read().prefix(own.count)) })
                }
                batches.withLock { $0[batch] = values }
            }
        }
        let done = batches.withLock { $0 }.compactMap(\.self)
        return Evaluation(
            tasks: workers[0].objective.tasks.enumerated().map { place, task in
                TaskEvaluation(
                    indices: indices,
                    parts: task.parts.indices.map { part in
                        (task.parts[part].name, done.flatMap { $0[place].parts[part] })
                    },
                    losses: task.losses.enumerated().map { index, loss in
                        let values = done.flatMap { $0[place].losses[index] }
                        return (loss.name, values.reduce(0) { $0 + Double($1) } / Double(max(1, values.count)))
                    })
            })
    }

    /// Names of the parts of each task.
    var partNames: [[String]] { workers[0].objective.tasks.map { $0.parts.map(\.name) } }
}
