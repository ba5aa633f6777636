import ArgumentParser
import Datasets
import Engine
import Foundation
import Host
import ModelStore
import NeuralFunctionals
import Synchronization
import Training

/// `weightspace train RECIPE --data DIR --output RUN`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a model by a recipe on INRs that `fit` has made.",
        discussion: """
            The run's folder gets the recipe, a checkpoint, metrics.csv, loss.svg, accuracy.svg and, in the end, the \
            model as a folder that can be served. A run that was stopped, by whatever means, goes on from its last \
            checkpoint and ends with the same bits. Recipes that come with the program: \
            \(EmbeddedRecipes.names.joined(separator: ", ")).
            """)

    @Argument(help: "A recipe of the program by its name, or a JSON file.")
    var recipe: String

    @Option(help: "Folders of shards.")
    var data: [String]

    @Option(help: "Fits of every picture to learn from; all that there are without it.")
    var views: Int?

    @Option(help: "The run's folder.")
    var output: String

    @Option(help: "A model folder whose parameters the run begins with, file by file; may be given several times.")
    var initial: [String] = []

    @Option(name: .customLong("set"), help: "Change the recipe: path.to.member=value; may be given several times.")
    var overrides: [String] = []

    @Option(help: "Seconds between checkpoints.")
    var checkpointSeconds = 120.0

    @OptionGroup var threads: ThreadOption

    func run() throws {
        var settings = Settings()
        let threads = try threads.resolve(&settings)
        let recipe = try TrainingRecipe(try EmbeddedRecipes.load(recipe), overrides: overrides)
        let input = recipe.manifest.input
        let corpus = try Corpus(
            shards: data, views: views, expecting: input.spec, omega0: input.omega0, convention: input.convention)
        let run = try TrainingRun(
            recipe, corpus: corpus, folder: URL(fileURLWithPath: output),
            initial: initial.map { URL(fileURLWithPath: $0) }, threads: threads)
        Terminal.complain(
            "\(recipe.name): \(run.parameterCount) parameters, \(run.trainingCount) networks to learn from, \(run.validation.count) to look at, \(run.plan.steps) steps"
                + (run.stepsDone > 0 ? ", going on at step \(run.stepsDone)" : ""))
        let isInterrupted = Mutex(false)
        let signals = SignalWatcher([SIGINT, SIGTERM]) { _ in isInterrupted.withLock { $0 = true } }
        defer { signals.cancel() }
        let line = TrainingLine()
        let isDone = try run.run(
            checkpointSeconds: checkpointSeconds, shouldStop: { isInterrupted.withLock { $0 } }, report: line.show)
        line.clear()
        guard isDone else {
            throw CommandFailure("stopped at step \(run.stepsDone); the same command goes on from there")
        }
        let (folder, report) = try run.writeModel()
        let pictures = try run.writeReconstructions()
        if let report {
            print(
                "validation accuracy \(percent(report.accuracy)), calibration error \(percent(report.calibrationError))"
            )
        }
        if let pictures { print("reconstructions: \(pictures.path)") }
        print("model: \(folder.path)")
    }
}

/// A run's progress in one line, on a terminal; without one, a line now and then.
private final class TrainingLine {
    private var first: (time: ContinuousClock.Instant, progress: TrainingRun.Progress)?
    private var shown = ContinuousClock.now

    func show(_ progress: TrainingRun.Progress) {
        // A run that goes on from a checkpoint does not begin at step 0.
        let first = self.first ?? (.now, progress)
        self.first = first
        let interval: Duration = Terminal.showsProgress ? .milliseconds(500) : .seconds(60)
        guard .now - shown > interval else { return }
        shown = .now
        let seconds = (.now - first.time) / Duration.seconds(1)
        let rate = Double(progress.networks - first.progress.networks) / seconds
        let done = Double(progress.step) / Double(max(1, progress.steps))
        let stepsHere = Double(max(1, progress.step - first.progress.step))
        let left = Double(progress.steps - progress.step) * seconds / stepsHere
        var text = "step \(progress.step)/\(progress.steps)  epoch \(String(format: "%.1f", progress.epoch))"
        text += "  loss \(String(format: "%.4f", progress.loss))"
        if !progress.accuracies.isEmpty {
            text += "  validation " + progress.accuracies.map(percent).joined(separator: ", ")
        }
        text += "  \(Int(rate)) INR/s  \(Terminal.duration(left)) left"
        if Terminal.showsProgress {
            let bar = Terminal.bar(Int(done * 1000), of: 1000, width: 16)
            Terminal.write("\r\u{1B}[K\(bar) \(text)")
        } else {
            Terminal.complain(text)
        }
    }

    func clear() {
        if Terminal.showsProgress { Terminal.write("\r\u{1B}[K") }
    }
}

func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
