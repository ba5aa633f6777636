import ArgumentParser
import Benchmarks
import Engine
import Foundation
import ModelStore
import Models
import Training
import WeightFormats

/// `weightspace bench`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the speed of models, kernels, layers, file formats or a running server.",
        discussion: """
            Each run also measures the rate of large matrix products on the machine. Compare a figure with that of the same \
            run, since the speed of a machine varies. Run nothing else at the same time.
            """,
        subcommands: [
            BenchModelCommand.self, BenchTrainCommand.self, BenchFitCommand.self, BenchKernelsCommand.self,
            BenchLayersCommand.self, BenchFormatsCommand.self, BenchAllocationsCommand.self,
            BenchServerCommand.self,
        ],
        defaultSubcommand: BenchModelCommand.self)
}

/// The options that all benchmarks of computations have.
struct BenchOptions: ParsableArguments {
    @Option(help: "Thread counts, such as 1,2. (default: one for each processor)")
    var threads: NumberList?

    @Option(help: "Number of repetitions; minimum and median are printed.")
    var `repeat`: Int = 7

    @Flag(help: "Print one JSON object per line.")
    var json = false

    var threadCounts: [Int] { threads?.values ?? [WorkerPool.availableProcessors] }

    /// Measures and prints the rate of large matrix products on `threads` threads, in floating-point operations a
    /// second.
    func machineRate(_ threads: Int) -> Double {
        let rate = MachineRate.products(threads: threads)
        let figure = String(format: "%.1f", rate / 1e9)
        print(
            json
                ? "{\"what\":\"sgemm\",\"gflops\":\(figure),\"threads\":\(threads)}"
                : "sgemm 2048 × 2048 × 2048  threads \(threads)  \(figure) GFLOP/s")
        return rate
    }

    /// For each number of threads prints the rate of matrix products, then the measurements.
    func run(_ measure: (_ threads: Int) throws -> [SpeedMeasurement]) rethrows {
        for threads in threadCounts {
            let bestRate = machineRate(threads)
            for measurement in try measure(threads) { show(measurement, bestRate) }
        }
    }

    /// - Parameter bestRate: the rate of matrix products, in floating-point operations a second.
    func show(_ measurement: SpeedMeasurement, _ bestRate: Double) {
        print(json ? measurement.json(bestRate: bestRate) : measurement.text(bestRate: bestRate))
    }
}

/// Numbers from 1 to 4096 separated by commas: `1,16`.
struct NumberList: ExpressibleByArgument {
    let values: [Int]

    init?(argument: String) {
        let values = argument.split(separator: ",").map { Int($0) ?? 0 }
        guard !values.isEmpty, values.allSatisfy({ (1...4096).contains($0) }) else { return nil }
        self.values = values
    }
}

struct BenchModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "model", abstract: "Times a model's forward passes.")

    @Option(help: "'paper' or 'small' (untrained encoders), a model folder, or the name of an embedded model.")
    var model = "paper"

    @Option(help: "Networks per run, such as 1,16.")
    var batch: NumberList?

    @Option(help: "Hidden widths of the networks for 'paper' and 'small', such as 16,32,64.")
    var width: NumberList?

    @Option(help: "Instead of measuring, write 'paper' or 'small' as a model folder with this path.")
    var write: String?

    @OptionGroup var options: BenchOptions

    func validate() throws {
        guard write != nil else { return }
        if BenchmarkModel(rawValue: model) == nil { throw ValidationError("--write is for 'paper' and 'small'") }
        if let widths = width?.values, widths.count > 1 { throw ValidationError("--write takes one --width") }
    }

    func run() throws {
        if let write, let known = BenchmarkModel(rawValue: model) {
            return try known.write(to: URL(fileURLWithPath: write), hiddenWidth: width?.values.first ?? 32)
        }
        for threads in options.threadCounts {
            let bestRate = options.machineRate(threads)
            for width in width?.values ?? [32] {
                let benchmark = ModelBenchmark(try benchmarkModel(model, width: width))
                for batch in batch?.values ?? [1, 16] {
                    let name = self.width == nil ? nil : "width \(width)"
                    options.show(
                        try benchmark.run(name: name, batch: batch, threads: threads, repeats: options.repeat), bestRate
                    )
                }
            }
        }
    }
}

/// An untrained model by its name, or else a model folder or embedded model.
private func benchmarkModel(_ name: String, width: Int = 32) throws -> ServedModel {
    if let known = BenchmarkModel(rawValue: name) { return try known.load(hiddenWidth: width) }
    return try ModelSelection.load(folderOrName: name)
}

/// The bytes of a file that the command line names.
func benchmarkFile(_ path: String) throws -> [UInt8] {
    do {
        return try UploadFile.bytes(path)
    } catch {
        throw CommandFailure("\(path): \(reason(error))")
    }
}

struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Times single kernels, such as a matrix product or a softmax.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        options.run { StepBenchmark.kernels(threads: $0, repeats: options.repeat) }
    }
}

struct BenchLayersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layers", abstract: "Times the layers of the paper's encoder.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        options.run { StepBenchmark.layers(threads: $0, repeats: options.repeat) }
    }
}

struct BenchTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Times training steps. A step counts as three times the operations of a forward pass.")

    @Option(help: "'paper' or 'small' (encoders with a small classifier), or a recipe.")
    var model = "small"

    @Option(name: .customLong("set"), help: "A change of the recipe, path.to.member=value; repeat for several.")
    var overrides: [String] = []

    @OptionGroup var options: BenchOptions

    func run() throws {
        let benchmark =
            if let known = BenchmarkModel(rawValue: model) {
                try TrainingBenchmark(known, overrides: overrides)
            } else {
                TrainingBenchmark(try TrainingRecipe(try EmbeddedRecipes.load(model), overrides: overrides))
            }
        try options.run { [try benchmark.run(threads: $0, repeats: options.repeat)] }
    }
}

struct BenchFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Times the fitting of 64 SIRENs to pictures of noise.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        options.run { [FitBenchmark.run(threads: $0, repeats: options.repeat)] }
    }
}

struct BenchFormatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "formats", abstract: "Times reading uploads and writing latents, on one thread.")

    @Argument(help: "Files to read, besides one network in each format that the program can write.")
    var files: [String] = []

    @Option(help: "Number of repetitions; minimum and median are printed.")
    var `repeat`: Int = 500

    @Flag(help: "Print one JSON object per line.")
    var json = false

    func run() throws {
        let files = try files.map {
            (name: URL(fileURLWithPath: $0).lastPathComponent, bytes: try benchmarkFile($0))
        }
        for measurement in try FormatBenchmark.run(files: files, repeats: self.repeat) {
            print(json ? measurement.json(bestRate: 0) : measurement.text(bestRate: 0))
        }
    }
}

struct BenchAllocationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations", abstract: "Counts the heap allocations of a warm model's answers.",
        discussion: "Needs the library Tests/Performance/allocations.c, loaded with LD_PRELOAD, which counts them.")

    @Option(help: "'paper' or 'small' (untrained encoders), a model folder, or the name of an embedded model.")
    var model = "paper"

    @Flag(help: "Print one JSON object per line.")
    var json = false

    func run() throws {
        guard let benchmark = AllocationBenchmark() else {
            throw CommandFailure(
                "the counting library is not loaded; Tests/Performance/allocations.c says how to build and load it")
        }
        for count in try benchmark.run(try benchmarkModel(model)) {
            let name = "\(model) \(count.output.rawValue)"
            print(
                json
                    ? "{\"what\":\"\(name)\",\"plan\":\(count.plan),\"answer\":\(count.answer)}"
                    : "\(name): \(count.plan) allocations in the plan, \(count.answer) in an answer")
        }
    }
}
