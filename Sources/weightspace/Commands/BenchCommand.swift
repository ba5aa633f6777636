import ArgumentParser
import Benchmarks
import Engine
import Foundation
import Host
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
            Each run also measures the rate of large matrix products on the machine, under the fastest core type of the \
            installed OpenBLAS. Compare a figure with that of the same run, since the speed of a machine varies. Run \
            nothing else at the same time.
            """,
        subcommands: [
            BenchModelCommand.self, BenchTrainCommand.self, BenchFitCommand.self, BenchKernelsCommand.self,
            BenchLayersCommand.self, BenchFormatsCommand.self, BenchAllocationsCommand.self,
            BenchServerCommand.self, BenchRatesCommand.self, BenchCompareCommand.self,
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

    @Option(help: "Also write what --json prints to this file.")
    var save: String?

    @Option(
        help: """
            A file of an earlier run (--save, or --json's output): print a table of the shares of the machine's rate then \
            and now, and exit 1 where one fell by more than 10 %.
            """)
    var against: String?

    @Option(
        help: """
            The machine's rate of matrix products in GFLOP/s, as 'bench rates' prints it, instead of measuring it under \
            every core type of OpenBLAS, which takes about 4 seconds for each thread count.
            """)
    var rate: Double?

    func validate() throws {
        if json, against != nil { throw ValidationError("--against prints a table: use --save instead of --json") }
        if let rate { try checkPositive("--rate", rate) }
    }

    var threadCounts: [Int] { threads?.values ?? [WorkerPool.availableProcessors] }

    /// For each number of threads prints the machine's rate, then the measurements.
    func run(_ measure: (_ threads: Int) throws -> [SpeedMeasurement]) throws {
        let report = try BenchReport(self)
        for threads in threadCounts {
            let bestRate = report.machineRate(threads)
            for measurement in try measure(threads) { report.show(measurement, bestRate) }
        }
        try report.finish()
    }
}

/// Prints the measurements of one command, and compares them with those of an earlier run.
final class BenchReport {
    private let options: BenchOptions
    /// Those of `--against`.
    private let earlier: Ratios?
    private var ratios = Ratios()
    /// What `--save` writes.
    private var lines: [String] = []

    /// - Throws: where the file of `--against` cannot be read.
    init(_ options: BenchOptions) throws {
        self.options = options
        earlier = try options.against.map(readRatios)
        let (own, core) = (OwnKernels.instructions, OpenBLASKernels.inUse)
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("what", "kernels")
        writer.member("own", own)
        writer.member("openblas", core)
        writer.member("openblas_version", OpenBLASKernels.release)
        writer.endObject()
        show(
            json: String(decoding: writer.bytes, as: UTF8.self),
            text: "kernels: own \(own), OpenBLAS \(OpenBLASKernels.release) \(core)")
    }

    /// Measures and prints the machine's rate of matrix products on `threads` threads under OpenBLAS's fastest core type,
    /// in operations a second.
    func machineRate(_ threads: Int) -> Double {
        if let rate = options.rate { return rate * 1e9 }
        let inUse = LibraryRate.inUse(threads: threads)
        let best = fastestRates(inUse)[0]
        var text = "sgemm 2048 × 2048 × 2048  threads \(threads)  \(gigaflops(inUse)) \(inUse.coreType) (in use)"
        if best != inUse { text += "  \(gigaflops(best)) \(best.coreType) (fastest)" }
        show(json: best.json, text: text)
        return best.rate
    }

    /// - Parameter bestRate: the rate of matrix products, in floating-point operations a second.
    func show(_ measurement: SpeedMeasurement, _ bestRate: Double) {
        ratios.add(measurement, bestRate: bestRate)
        show(json: measurement.json(bestRate: bestRate), text: measurement.text(bestRate: bestRate))
    }

    private func show(json: String, text: String) {
        lines.append(json)
        print(options.json ? json : text)
    }

    /// Writes the file of `--save` and prints the table of `--against`.
    func finish() throws {
        if let path = options.save {
            try OutputFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path)
        }
        if let earlier {
            print("")
            try showTable(RatioTable(then: earlier, now: ratios))
        }
    }
}

/// The rates of OpenBLAS's core types, the fastest first.
private func fastestRates(_ inUse: LibraryRate) -> [LibraryRate] {
    LibraryRateSearch.rates(inUse: inUse, candidates: OpenBLASCoreType.runnable(on: .current)) {
        LibraryRateSearch.measureInProcess($0)
    }
}

private func gigaflops(_ rate: LibraryRate) -> String { String(format: "%.1f GFLOP/s", rate.rate / 1e9) }

/// - Throws: where a file of measurements cannot be read.
private func readRatios(_ path: String) throws -> Ratios {
    do {
        return try Ratios(lines: namedFile(path))
    } catch let error as Ratios.BadLine {
        throw CommandFailure("\(path), line \(error.number): \(error.reason); expected lines of 'bench --json'")
    }
}

/// - Throws: where a share fell by more than 10 %, or where nothing can be compared.
private func showTable(_ table: RatioTable) throws {
    print(table.text)
    if table.rows.isEmpty { throw CommandFailure("the two runs have no measurement in common") }
    let slower = table.regressions.count
    if slower > 0 {
        throw CommandFailure("\(slower) of \(table.rows.count) shares of the machine's rate fell by more than 10 %")
    }
}

struct BenchCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compares the shares of the machine's rate in two runs, as --against does.")

    @Argument(help: "A file of the earlier run: lines of --json.") var then: String
    @Argument(help: "A file of the later run.") var now: String

    func run() throws { try showTable(RatioTable(then: readRatios(then), now: readRatios(now))) }
}

struct BenchRatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rates", abstract: "Times OpenBLAS's matrix products under each of its core types.",
        discussion: """
            The core type in use is measured in this process. For each other one that the processor runs, the program \
            starts another process with OPENBLAS_CORETYPE; those far below the fastest at 512 × 512 are not measured at \
            2048 × 2048 and not printed.
            """)

    @Option(help: "Threads. (default: one for each processor)") var threads: Int?
    @Option(help: "Rows and columns of the matrices, with --in-use.") var size = 2048
    @Option(help: "How often each is run; the best is printed.") var `repeat` = 8
    @Flag(help: "Only the core type in use.") var inUse = false
    @Flag(help: "Print one JSON object per line.") var json = false

    func validate() throws {
        try checkBounds("--threads", threads ?? 1, 1...4096)
        try checkBounds("--size", size, 1...8192)
        try checkBounds("--repeat", self.repeat, 1...1_000_000)
        if !inUse, size != 2048 { throw ValidationError("--size: expected --in-use beside it") }
    }

    func run() throws {
        let own = LibraryRate.inUse(
            size: size, threads: threads ?? WorkerPool.availableProcessors, repeats: self.repeat)
        for rate in inUse ? [own] : fastestRates(own) {
            let mark = rate == own ? "  in use" : ""
            print(json ? rate.json : "\(rate.coreType)  threads \(rate.threads)  \(gigaflops(rate))\(mark)")
        }
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
        if BenchmarkModel(rawValue: model) == nil {
            throw ValidationError("--write: expected the model 'paper' or 'small', received '\(model)'")
        }
        if let widths = width?.values, widths.count > 1 {
            throw ValidationError("--write: expected one --width, received \(widths.count)")
        }
    }

    func run() throws {
        if let write, let known = BenchmarkModel(rawValue: model) {
            return try known.write(to: URL(fileURLWithPath: write), hiddenWidth: width?.values.first ?? 32)
        }
        let report = try BenchReport(options)
        for threads in options.threadCounts {
            let bestRate = report.machineRate(threads)
            for width in width?.values ?? [32] {
                let benchmark = ModelBenchmark(try benchmarkModel(model, width: width))
                for batch in batch?.values ?? [1, 16] {
                    let name = self.width == nil ? nil : "width \(width)"
                    report.show(
                        try benchmark.run(name: name, batch: batch, threads: threads, repeats: options.repeat), bestRate
                    )
                }
            }
        }
        try report.finish()
    }
}

/// An untrained model by its name, or else a model folder or embedded model.
private func benchmarkModel(_ name: String, width: Int = 32) throws -> ServedModel {
    if let known = BenchmarkModel(rawValue: name) { return try known.load(hiddenWidth: width) }
    return try ModelSelection.load(folderOrName: name)
}

struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Times single kernels, such as a matrix product or a softmax.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        try options.run { StepBenchmark.kernels(threads: $0, repeats: options.repeat) }
    }
}

struct BenchLayersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layers", abstract: "Times the layers of the paper's encoder.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        try options.run { StepBenchmark.layers(threads: $0, repeats: options.repeat) }
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
                try TrainingBenchmark(recipe: try EmbeddedRecipes.load(model), overrides: overrides)
            }
        try options.run { [try benchmark.run(threads: $0, repeats: options.repeat)] }
    }
}

struct BenchFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Times the fitting of 64 SIRENs to pictures of noise.")
    @OptionGroup var options: BenchOptions

    func run() throws {
        try options.run { [FitBenchmark.run(threads: $0, repeats: options.repeat)] }
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
            (name: URL(fileURLWithPath: $0).lastPathComponent, bytes: try namedFile($0))
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
