import ArgumentParser
import Datasets
import Engine
import Foundation
import Host
import Synchronization
import Zoo

/// `weightspace zoo --images FILE --labels FILE --test-images FILE --test-labels FILE --output DIR`
struct ZooCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoo", abstract: "Trains many small CNNs on pictures and writes them as a corpus with accuracies.",
        discussion: """
            Every network has three convolutions of 16 filters, 3 × 3, stride 2, with ReLU or tanh, dropout, global average \
            pooling and a fully connected layer. Learning rate, penalty, initial weights, dropout, optimizer, activation and \
            the part of the training pictures are drawn for each, as in arXiv 2002.11448. A network follows from the seed \
            and its number alone. Networks are written in blocks; complete blocks are kept: the same command continues a \
            run that was stopped. Pictures are read from IDX files (MNIST, Fashion-MNIST), compressed or not.
            """)

    @Option(help: "The training pictures: a file or folder as 'fit' reads.")
    var images: String

    @Option(help: "An IDX file of their labels.")
    var labels: String

    @Option(help: "The test pictures.")
    var testImages: String

    @Option(help: "An IDX file of their labels.")
    var testLabels: String

    @Option(help: "The folder to write shards to.")
    var output: String

    @Option(help: "Number of networks.")
    var count = 4000

    @Option(help: "Number of the first network, from 0.")
    var first = 0

    @Option(help: "The seed of all random numbers.")
    var seed: UInt64 = 0

    @Option(help: "Passes over a network's training pictures.")
    var epochs = 18

    @Option(
        help:
            "The epochs after which a network is written, separated by commas; the last epoch always is. (default: 1,3,6,12,18)"
    )
    var snapshots: String?

    @Option(help: "Use only the first pictures of each set. (default: all)")
    var pictures: Int?

    @Option(
        help: "Networks per block of shards; what an interruption loses is at most the blocks that are not complete.")
    var shardSize = 50

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        func check(_ name: String, _ value: Int, _ bounds: ClosedRange<Int>) throws {
            guard bounds.contains(value) else {
                throw ValidationError(
                    "\(name): expected \(bounds.lowerBound) to \(bounds.upperBound), received \(value)")
            }
        }
        try check("--count", count, 1...1_000_000)
        // Shards keep numbers of networks as float32 in memory.
        try check("--first", first, 0...(1 << 24) - count)
        try check("--epochs", epochs, 1...10_000)
        try check("--pictures", pictures ?? 1, 1...Int(Int32.max))
        try check("--shard-size", shardSize, 1...10_000)
        _ = try snapshotEpochs()
    }

    /// In ascending order, with the last epoch.
    private func snapshotEpochs() throws -> [Int] {
        guard let snapshots else { return Array(Set(ZooRecipe().snapshots.filter { $0 < epochs } + [epochs])).sorted() }
        let parts = snapshots.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard numbers.count == parts.count, numbers.allSatisfy((1...epochs).contains) else {
            throw ValidationError(
                "--snapshots: expected epochs from 1 to \(epochs) separated by commas, received '\(snapshots)'")
        }
        return Array(Set(numbers + [epochs])).sorted()
    }

    func run() throws {
        var settings = Settings()
        let threads = try threads.resolve(&settings)
        var recipe = ZooRecipe()
        (recipe.epochs, recipe.snapshots, recipe.seed) = (epochs, try snapshotEpochs(), seed)
        let data = try ZooData(
            training: try pictureSet(images, labels), test: try pictureSet(testImages, testLabels), limit: pictures)
        let run = try ZooRun(
            recipe, data, networks: first..<first + count, folder: output, blockSize: shardSize, threads: threads)
        let isInterrupted = Mutex(false)
        let signals = SignalWatcher([SIGINT, SIGTERM]) { _ in isInterrupted.withLock { $0 = true } }
        defer { signals.cancel() }
        let line = ZooProgress(total: count)
        let progress = try run(shouldStop: { isInterrupted.withLock { $0 } }, report: line.show)
        line.clear()
        guard progress.done == count else {
            throw CommandFailure(
                "stopped with \(progress.written) of \(count) networks written; the same command continues")
        }
        var text = "\(progress.done - progress.diverged) networks, \(recipe.snapshots.count) snapshots each"
        if progress.diverged > 0 { text += "; \(progress.diverged) diverged and were left out" }
        if let accuracy = progress.meanAccuracy { text += "; mean test accuracy \(String(format: "%.4f", accuracy))" }
        if progress.trained > 0 {
            text += "; \(String(format: "%.2f", line.seconds / Double(progress.trained))) s a network"
        }
        print(text)
    }

    private func pictureSet(_ images: String, _ labels: String) throws -> PictureSet {
        try PictureSet(contentsOf: images).labelled(try readLabels(labels))
    }
}
