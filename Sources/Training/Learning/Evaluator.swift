import Dispatch
import Engine
import Models
import Networks
import NeuralFunctionals
import SIREN
import Synchronization
import Tensors

/// A model's outputs and losses on a set of networks.
package struct Evaluation: Sendable {
    /// One for each of the objective's tasks, in their order.
    package let tasks: [TaskEvaluation]

    /// The mean of every loss over the networks, without its weight, in the order of the tasks.
    package var losses: [(name: String, mean: Double)] { tasks.flatMap(\.losses) }
}

/// Computes a model's outputs and losses on networks of a corpus, without augmentation, mixup or label smoothing.
///
/// Each thread has a plan of its own for a micro-batch. The results do not depend on the number of threads.
package struct Evaluator: Sendable {
    private let feeder: Feeder
    /// For each thread a plan of each of the corpus' groups.
    private let workers: [[Microbatch]]
    private let size: Int

    /// - Parameters:
    ///   - model: reads its parameters at every call, so it may be trained between calls.
    ///   - input: the networks that the model reads.
    ///   - microbatch: networks in one pass of a thread.
    /// - Throws: `ModelError` where the model does not offer a task's output.
    package init(
        _ model: any Model, _ input: ModelInput, _ objective: Objective, corpus: Corpus, threads: Int,
        microbatch: Int = 4
    ) throws(ModelError) {
        feeder = Feeder(corpus: corpus, augmentation: nil, transform: input.transform, mixup: 0)
        size = microbatch
        var workers: [[Microbatch]] = []
        for _ in 0..<threads {
            var plans: [Microbatch] = []
            for group in corpus.groups {
                plans.append(try Microbatch(evaluating: model, input, group, objective, size: microbatch))
            }
            workers.append(plans)
        }
        self.workers = workers
    }

    /// For each network at `indices` the picture that it draws itself and the one that the model reconstructs from its
    /// latents; empty where no task reconstructs pictures.
    func pictures(_ indices: [Int], _ image: ImageShape) -> [(own: Picture, drawn: Picture)] {
        batches(indices).flatMap { own -> [(own: Picture, drawn: Picture)] in
            let worker = workers[0][feeder.corpus.group(of: own[0])]
            guard let pictures = worker.objective.tasks.compactMap(\.pictures).first else { return [] }
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

    /// The networks in micro-batches of one group each, in the order of `indices` within a group.
    private func batches(_ indices: [Int]) -> [[Int]] {
        let parts = Dictionary(grouping: indices, by: feeder.corpus.group).sorted { $0.key < $1.key }.map(\.value)
        return parts.flatMap { own in
            stride(from: 0, to: own.count, by: size).map { Array(own[$0..<min(own.count, $0 + size)]) }
        }
    }

    /// The items of a micro-batch. A plan has a fixed size, so a last, shorter batch is filled up with copies of its
    /// last network, whose results are not read.
    private func items(_ indices: ArraySlice<Int>) -> [BatchItem] {
        (0..<size).map { place in
            let network = indices[indices.startIndex + min(place, indices.count - 1)]
            return BatchItem(index: network, label: feeder.corpus.labels[network], random: RandomSource(seed: 0))
        }
    }

    /// Evaluates the networks at `indices` of the corpus.
    /// - Returns: outputs in the order of `indices`, and the mean losses.
    package func callAsFunction(_ indices: [Int]) -> Evaluation {
        /// For every task of one micro-batch: the rows of every part, and every loss of each network.
        typealias Values = [(parts: [[[Float]]], losses: [[Float]])]
        let batches = batches(indices)
        let results = Mutex([Values?](repeating: nil, count: batches.count))
        DispatchQueue.concurrentPerform(iterations: workers.count) { index in
            for batch in stride(from: index, to: batches.count, by: workers.count) {
                let own = batches[batch]
                let worker = workers[index][feeder.corpus.group(of: own[0])]
                feeder.feed(items(own[...]), to: worker.objective)
                worker.run()
                let values: Values = worker.objective.tasks.map { task in
                    let parts = task.parts.map { part in
                        let values = part.matrix.read()
                        let columns = part.matrix.columns
                        return (0..<own.count).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
                    }
                    return (parts, task.losses.map { Array($0.matrix.read().prefix(own.count)) })
                }
                results.withLock { $0[batch] = values }
            }
        }
        let done = results.withLock { $0 }.compactMap(\.self)
        // The place of each of `indices` in the order of the batches.
        var places = [Int](repeating: 0, count: indices.count)
        for (place, index) in indices.indices.sorted(by: { groupAndPlace($0, indices) < groupAndPlace($1, indices) })
            .enumerated()
        { places[index] = place }
        func ordered<Value>(_ values: [Value]) -> [Value] { places.map { values[$0] } }
        return Evaluation(
            tasks: workers[0][0].objective.tasks.enumerated().map { place, task in
                TaskEvaluation(
                    indices: indices,
                    parts: task.parts.indices.map { part in
                        (task.parts[part].name, ordered(done.flatMap { $0[place].parts[part] }))
                    },
                    losses: task.losses.enumerated().map { index, loss in
                        let values = ordered(done.flatMap { $0[place].losses[index] })
                        return (loss.name, values.reduce(0) { $0 + Double($1) } / Double(max(1, values.count)))
                    })
            })
    }

    /// The order of networks in `batches`: by their group, then by their place in `indices`.
    private func groupAndPlace(_ place: Int, _ indices: [Int]) -> (Int, Int) {
        (feeder.corpus.group(of: indices[place]), place)
    }

    /// For each task the names of its parts, such as `weights` and `probes`.
    var partNames: [[String]] { workers[0][0].objective.tasks.map { $0.parts.map(\.name) } }
}
