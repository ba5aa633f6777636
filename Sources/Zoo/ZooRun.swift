import Datasets
import Engine
import Networks
import Synchronization

/// Trains the networks of a zoo on several threads, one each, and writes them in blocks. Blocks that are complete are
/// kept, so the same run continues after an interruption; a network depends on recipe, pictures and number alone.
package struct ZooRun: Sendable {
    /// What has been done so far.
    package struct Progress: Sendable {
        /// Networks of all complete blocks and those that this run has trained.
        package var done = 0
        /// Networks of complete blocks.
        package var written = 0
        /// Networks that this run has trained.
        package var trained = 0
        /// Networks that diverged.
        package var diverged = 0
        /// The sum of the other networks' last accuracies on the test pictures.
        package var accuracySum = 0.0

        /// The mean of the last accuracies on the test pictures; nil without networks.
        package var meanAccuracy: Double? { done > diverged ? accuracySum / Double(done - diverged) : nil }
    }

    private let trainer: NetworkTrainer
    private let folder: ZooFolder
    private let networks: Range<Int>
    private let blockSize: Int
    private let threads: Int

    /// - Parameters:
    ///   - networks: their numbers, from 0.
    ///   - blockSize: networks of a block: number n is in block ⌊n / blockSize⌋.
    /// - Throws: where the pictures are too small.
    package init(
        _ recipe: ZooRecipe, _ data: ZooData, networks: Range<Int>, folder: String, blockSize: Int, threads: Int
    ) throws(DatasetError) {
        guard let trainer = NetworkTrainer(recipe, data) else {
            throw DatasetError(
                "expected pictures of at least 15 × 15 pixels for three convolutions of 3 × 3 and stride 2, received \(data.training.height) × \(data.training.width)"
            )
        }
        self.trainer = trainer
        self.networks = networks
        self.blockSize = blockSize
        self.threads = threads
        self.folder = ZooFolder(
            folder: CorpusFolder(folder), recipe: recipe.summary(data),
            spec: recipe.spec(channels: data.training.channels, classes: data.classes))
    }

    /// A block whose networks are being trained.
    fileprivate struct OpenBlock {
        let networks: Range<Int>
        var trained: [TrainedNetwork] = []
    }

    fileprivate struct State {
        var progress = Progress()
        var open: [Int: OpenBlock] = [:]
        var failure: DatasetError?
    }

    /// Trains and writes all networks that no complete block has.
    /// - Parameters:
    ///   - shouldStop: asked before every step, on any thread; networks of incomplete blocks are lost.
    ///   - report: called after every network, on any thread.
    /// - Returns: what has been done; `done` is less than the number of networks where the run was stopped.
    /// - Throws: where a file of the folder cannot be read or written, or is of another recipe.
    package func callAsFunction(
        shouldStop: @Sendable () -> Bool = { false }, report: @Sendable (Progress) -> Void = { _ in }
    ) throws(DatasetError) -> Progress {
        try folder.folder.create()
        var initial = State()
        var pending: [(block: Int, network: Int)] = []
        let blocks =
            networks.isEmpty ? 0..<0 : networks.lowerBound / blockSize..<(networks.upperBound - 1) / blockSize + 1
        for number in blocks {
            var wanted = networks.clamped(to: number * blockSize..<(number + 1) * blockSize)
            if let found = try folder.block(number) {
                if found.networks.lowerBound <= wanted.lowerBound, found.networks.upperBound >= wanted.upperBound {
                    initial.add(found, of: wanted)
                    continue
                }
                // The block has other networks too, which must not be lost when it is written again.
                wanted =
                    min(
                        found.networks.lowerBound, wanted.lowerBound)..<max(
                        found.networks.upperBound, wanted.upperBound)
            }
            initial.open[number] = OpenBlock(networks: wanted)
            pending += wanted.map { (number, $0) }
        }
        let state = Mutex(initial)
        report(initial.progress)
        let queue = pending
        WorkerPool(threads: threads).run(tasks: queue.count) { task, _ in
            let (number, network) = queue[task]
            guard !shouldStop(), state.withLock({ $0.failure == nil }),
                let trained = trainer(network, shouldStop: shouldStop)
            else { return }
            let (complete, progress) = state.withLock { $0.add(trained, to: number, of: networks) }
            if let complete {
                do throws(DatasetError) {
                    _ = try folder.write(complete, as: number)
                } catch {
                    state.withLock { $0.failure = $0.failure ?? error }
                }
            }
            report(progress)
        }
        return try state.withLock { state throws(DatasetError) in
            if let failure = state.failure { throw failure }
            return state.progress
        }
    }
}

extension ZooRun.State {
    /// Counts the networks of a complete block.
    fileprivate mutating func add(_ block: ZooBlock, of wanted: Range<Int>) {
        let diverged = block.diverged.filter { wanted.contains($0.network) }.count
        progress.done += wanted.count
        progress.written += wanted.count
        progress.diverged += diverged
        // Blocks know the sum of all their networks; of a part of them the mean stands for each.
        progress.accuracySum +=
            block.kept > 0 ? block.accuracySum / Double(block.kept) * Double(wanted.count - diverged) : 0
    }

    /// Counts a trained network; returns its block's networks where it was the last of them.
    fileprivate mutating func add(
        _ network: TrainedNetwork, to block: Int, of wanted: Range<Int>
    ) -> ([TrainedNetwork]?, ZooRun.Progress) {
        progress.trained += 1
        if wanted.contains(network.number) {
            progress.done += 1
            progress.diverged += network.divergedIn == nil ? 0 : 1
            progress.accuracySum += Double(network.snapshots.last?.testAccuracy ?? 0)
        }
        open[block]?.trained.append(network)
        guard let own = open[block], own.trained.count == own.networks.count else { return (nil, progress) }
        open[block] = nil
        progress.written += own.networks.clamped(to: wanted).count
        return (own.trained.sorted { $0.number < $1.number }, progress)
    }
}
