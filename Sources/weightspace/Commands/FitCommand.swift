import ArgumentParser
import Datasets
import Engine
import Foundation
import Networks
import SIREN
import Tensors
import WeightFormats

/// `weightspace fit --images FILE --output DIR`
struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Fits one small SIREN to every picture and writes them as shards.",
        discussion: """
            Pictures are read from an IDX file (MNIST, Fashion-MNIST), a .npy array, a PNG, PGM or PPM file, or a folder of \
            such pictures; files may be compressed with gzip. Existing shards are kept: the same command continues a run \
            that was stopped.
            """)

    @Option(help: "The file or folder of pictures.")
    var images: String

    @Option(help: "An IDX file of their labels.")
    var labels: String?

    @Option(help: "The folder to write shards to.")
    var output: String

    @Option(
        name: [.customLong("restarts"), .customLong("views")],
        help: "Independent fits of each picture, from different initial weights.")
    var restarts = 1

    @Option(
        name: [.customLong("first-restart"), .customLong("first-view")],
        help: "Number of the first of these fits, from 0.")
    var firstRestart = 0

    @Option(help: "Number of the first picture, from 0.")
    var from = 0

    @Option(help: "Number of pictures. (default: all)")
    var count: Int?

    @Option(help: "The width of each hidden layer.")
    var hidden = 32

    @Option(help: "The number of hidden layers.")
    var layers = 2

    @Option(help: "Steps of the optimiser, Adam.")
    var steps = 150

    @Option(name: .customLong("lr"), help: "The initial learning rate; it decays to zero along a cosine.")
    var rate: Float = 3e-3

    @Option(help: "Stop a fit early when it reaches this peak signal-to-noise ratio, in dB.")
    var targetPSNR: Double?

    @Option(help: "The seed of the initial weights.")
    var seed: UInt64 = 0

    @Option(help: "The SIREN convention of the networks: nfn or dws.")
    var convention = SIRENConvention.nfn

    @Option(help: "Networks per shard.")
    var shardSize = 1000

    @Option(help: "Also write each network as a file of its own to this folder.")
    var export: String?

    @Option(help: "The format of these files: safetensors or npz.")
    var exportFormat = ExportFormat.safetensors

    @OptionGroup var threads: ThreadOption

    enum ExportFormat: String, ExpressibleByArgument {
        case safetensors
        case npz
    }

    func validate() throws {
        try checkBounds("--restarts", restarts, 1...1000)
        try checkBounds("--first-restart", firstRestart, 0...1000)
        try checkBounds("--from", from, 0...Int(Int32.max))
        try checkBounds("--count", count ?? 1, 1...Int(Int32.max))
        try checkBounds("--hidden", hidden, 1...512)
        try checkBounds("--layers", layers, 1...7)
        try checkBounds("--steps", steps, 1...1_000_000)
        try checkBounds("--shard-size", shardSize, 1...100_000)
        try checkPositive("--lr", rate)
        guard targetPSNR?.isFinite ?? true else {
            throw ValidationError("--target-psnr: expected a number of dB, received \(targetPSNR ?? 0)")
        }
    }

    func run() throws {
        var settings = Settings()
        let threads = try threads.resolve(&settings)
        var recipe = FitRecipe()
        (recipe.hiddenWidth, recipe.steps, recipe.rate, recipe.seed) = (hidden, steps, rate, seed)
        (recipe.targetPSNR, recipe.convention, recipe.hiddenLayers) = (targetPSNR, convention, layers)
        var pictures = try PictureSet(contentsOf: images)
        if let labels { pictures = try pictures.labelled(try readLabels(labels)) }
        guard from < pictures.count, count.map({ from + $0 <= pictures.count }) ?? true else {
            throw CommandFailure(
                "'\(images)' has \(pictures.count) pictures, --from \(from) and --count \(count.map(String.init) ?? "all") exceed them"
            )
        }
        let sources = Array(from..<from + (count ?? pictures.count - from))
        let summary = recipe.summary(channels: pictures.channels)
        let shards = InrShards(output)
        try shards.prepare(recipe: summary)
        let header = ShardHeader(
            spec: NetworkSpec(sizes: recipe.sizes(channels: pictures.channels)),
            notation: Notation(convention, omega0: recipe.omega0),
            image: ImageShape(height: pictures.height, width: pictures.width, channels: pictures.channels),
            recipe: summary)
        let fitter = Fitter(recipe, pictures, threads: threads)
        var statistics = FitStatistics()
        let progress = FitProgress(total: sources.count * restarts)
        for restart in firstRestart..<firstRestart + restarts {
            // The number of a picture's shard is ⌊picture / shardSize⌋, so runs over parts of a data set can share a
            // folder.
            for (shard, own) in shardsOf(sources) {
                let networks: [FittedInr]
                if shards.exists(restart: restart, shard: shard) {
                    networks = try shards.read(restart: restart, shard: shard)
                    guard networks.map(\.source) == own else {
                        throw CommandFailure(
                            "'\(output)/\(InrShards.name(restart: restart, shard: shard))' holds other pictures than \(own.first ?? 0) to \(own.last ?? 0); use the --from, --count and --shard-size that wrote it, or another folder"
                        )
                    }
                    progress.skip(networks.count)
                } else {
                    networks = fitter(own, restart: restart) { progress.advance() }
                    try shards.write(networks, restart: restart, shard: shard, header)
                }
                statistics.add(networks)
                if let export { try write(networks, recipe, pictures.channels, to: export) }
            }
        }
        progress.finish()
        print(statistics.summary(seconds: progress.seconds, fitted: progress.fitted))
    }

    /// The pictures of every shard, sorted by shard.
    private func shardsOf(_ sources: [Int]) -> [(shard: Int, sources: [Int])] {
        Dictionary(grouping: sources, by: { $0 / shardSize }).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Writes each network as a file of its own.
    private func write(_ networks: [FittedInr], _ recipe: FitRecipe, _ channels: Int, to folder: String) throws {
        try OutputFile.createFolder(folder)
        let spec = NetworkSpec(sizes: recipe.sizes(channels: channels))
        for network in networks {
            let state = try NetworkWeights(spec: spec, flat: network.weights, convention: recipe.convention).stateDict
            let bytes = exportFormat == .npz ? try NPZWriter.write(state) : SafetensorsWriter.write(state)
            let name = "net\(network.source)-view\(network.restart)-label\(network.label).\(exportFormat.rawValue)"
            try OutputFile.write(bytes, to: folder + "/" + name)
        }
    }
}
