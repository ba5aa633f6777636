import ArgumentParser
import Datasets
import Engine
import Foundation
import Host
import ModelStore
import Models
import NeuralFunctionals
import SIREN
import Synchronization
import Training

/// `weightspace train RECIPE --data DIR --output RUN`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a model on a corpus of networks.",
        discussion: """
            Writes the recipe, a checkpoint, metrics.csv, loss.svg, accuracy.svg and, at the end, the model folder 'model' \
            into the run's folder, which 'serve --models' accepts. The same command continues a run that was stopped or \
            killed from its last checkpoint; the result is the same, bit for bit. Sizes, notation, pictures, classes and \
            numbers to predict come from the data; without a recipe it is chosen by them. Embedded recipes: \
            \(EmbeddedRecipes.names.joined(separator: ", ")).
            """)

    @Argument(help: "The name of an embedded recipe, or a JSON file. (default: chosen by the data)")
    var recipe: String?

    @Option(help: "Folder of shards; repeat for several.")
    var data: [String]

    @Option(
        name: [.customLong("restarts"), .customLong("views")],
        help: "Number of independent fits of each picture to train on. (default: all)")
    var restarts: Int?

    @Option(
        name: .customLong("where"),
        help:
            "Only networks that fulfil this condition, such as step=18, or final for the last snapshot of each; repeat for several."
    )
    var conditions: [String] = []

    @Option(help: "The run's folder.")
    var output: String

    @Option(
        help:
            "A model folder from whose parameter files the run starts, for files of the same name; repeat for several.")
    var initial: [String] = []

    @Option(
        help:
            "Pictures with known classes, for a recipe that runs the networks on some of them (cnn-probe): a file or folder as 'fit' reads. Take those that the networks were trained on."
    )
    var probeImages: String?

    @Option(help: "An IDX file of their labels.")
    var probeLabels: String?

    @Option(name: .customLong("set"), help: "A change of the recipe, path.to.member=value; repeat for several.")
    var overrides: [String] = []

    @Option(help: "Seconds between checkpoints.")
    var checkpointSeconds = 120.0

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard (probeImages == nil) == (probeLabels == nil) else {
            throw ValidationError("--probe-images and --probe-labels: give both or none")
        }
    }

    private func probePictures() throws -> PictureBytes? {
        guard let probeImages, let probeLabels else { return nil }
        return try PictureBytes(
            try PictureSet(contentsOf: probeImages).labelled(try readLabels(probeLabels)), "probe")
    }

    func run() throws {
        var settings = Settings()
        let threads = try threads.resolve(&settings)
        let given = try recipe.map { name throws(RecipeError) in try EmbeddedRecipes.load(name) }
        let corpus = try Corpus(shards: data, restarts: restarts, filter: try CorpusFilter(conditions)) { header in
            // A recipe that cannot be read is an error below, where its text is complete.
            (try? TrainingRecipe.notation(given ?? Data("{}".utf8), overrides: overrides, for: header))
                ?? header.notation
        }
        let json: Data
        if let given {
            json = given
        } else {
            let standard = try StandardRecipe(for: corpus, hasProbePictures: probeImages != nil)
            Terminal.complain("recipe \(standard.name), for \(standard.reason)")
            json = try EmbeddedRecipes.load(standard.name)
        }
        let recipe = try TrainingRecipe(json, overrides: overrides, for: corpus)
        let run = try TrainingRun(
            recipe, corpus: corpus, folder: URL(fileURLWithPath: output),
            initial: initial.map { URL(fileURLWithPath: $0) }, probePictures: try probePictures(), threads: threads)
        Terminal.complain(
            """
            \(recipe.name): \(run.parameterCount) parameters, \(run.trainingCount) training and \(run.validation.count) \
            validation networks, \(run.plan.steps) steps\(run.stepsDone > 0 ? ", continued at step \(run.stepsDone)" : "")
            """)
        let shapes = corpus.groups.map(\.spec.description)
        Terminal.complain("networks: \(Set(shapes).sorted().joined(separator: ", "))")
        for warning in recipe.warnings(run.plan) { Terminal.complain("warning: \(warning)") }
        let predicted = recipe.objective.tasks.compactMap { $0 as? RegressionTask }.flatMap(\.targets)
        if !predicted.isEmpty { Terminal.complain("predicted: \(predicted.joined(separator: ", "))") }
        if recipe.objective.asks(for: .classes) {
            Terminal.complain("classes: \(recipe.configuration.labels.joined(separator: ", "))")
        }
        let isInterrupted = Mutex(false)
        let signals = SignalWatcher([SIGINT, SIGTERM]) { _ in isInterrupted.withLock { $0 = true } }
        defer { signals.cancel() }
        let line = TrainingLine()
        let isDone = try run.run(
            checkpointSeconds: checkpointSeconds, shouldStop: { isInterrupted.withLock { $0 } }, report: line.show)
        line.clear()
        guard isDone else {
            throw CommandFailure("stopped at step \(run.stepsDone); the same command continues from there")
        }
        let (folder, reports) = try run.writeModel()
        let pictures = try run.writePictures()
        for report in reports { print("validation \(report.summary)") }
        if let pictures { print("pictures: \(pictures.path)") }
        print("model: \(folder.path)")
    }
}

/// The display of a run's progress: one line, redrawn, on a terminal; elsewhere a new line every minute.
private final class TrainingLine {
    private var first: (time: ContinuousClock.Instant, progress: TrainingRun.Progress)?
    private var line = ProgressLine(lineInterval: .seconds(60))

    func show(_ progress: TrainingRun.Progress) {
        // Rates are measured from the first report, since a continued run does not begin at step 0.
        let first = self.first ?? (.now, progress)
        self.first = first
        let done = Double(progress.step) / Double(max(1, progress.steps))
        line.show(done) {
            let seconds = (.now - first.time) / Duration.seconds(1)
            let rate = Double(progress.networks - first.progress.networks) / max(seconds, 1e-9)
            let stepsHere = Double(max(1, progress.step - first.progress.step))
            let left = Double(progress.steps - progress.step) * seconds / stepsHere
            var text = "step \(progress.step)/\(progress.steps)  epoch \(String(format: "%.1f", progress.epoch))"
            text += "  loss \(String(format: "%.4f", progress.loss))"
            for metric in progress.metrics {
                text += "  \(metric.name.replacing("_", with: " ")) \(String(format: "%.4f", metric.value))"
            }
            return text + "  \(Int(rate)) networks/s  \(Terminal.duration(left)) left"
        }
    }

    func clear() { line.clear() }
}
