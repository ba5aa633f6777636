import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// A training run and its folder: `recipe.json`, `checkpoint.safetensors`, `metrics.csv`, the curves `loss.svg` and
/// `accuracy.svg` or `correlation.svg` and, in the end, the model folder `model`; `reconstructions.png` or `edits.png` where
/// pictures are drawn.
///
/// The result depends only on the recipe, the data and the initial parameters: not on the number of threads, nor on
/// interruptions. It is not thread-safe: one thread at a time calls it.
package final class TrainingRun {
    /// The recipe of the run.
    package let recipe: TrainingRecipe
    /// The hyperparameters, with the number of steps over this corpus.
    package let plan: TrainingPlan
    /// The number of trained parameters.
    package let parameterCount: Int
    /// The number of training networks, all restarts included.
    package let trainingCount: Int
    /// The validation networks, as indices of the corpus: one for each held-out source.
    package let validation: [Int]
    private let folder: URL
    private let corpus: Corpus
    private let parameters: LearnedParameters
    private let trainer: Trainer
    private let evaluator: Evaluator
    private let identity: String
    private let metrics: MetricsLog
    /// For each loss the sum of its batch means since the last row of the metrics.
    private var sums: [Double]
    private var step: Int

    /// The state of a run after a step, for a progress display.
    package struct Progress {
        /// Steps done.
        package let step: Int
        /// Steps of the whole run.
        package let steps: Int
        /// Epochs done: steps divided by the steps of an epoch.
        package let epoch: Double
        /// The sum of the losses' means over the step's batch, without their weights.
        package let loss: Double
        /// Every task's metrics on the validation networks at the last evaluation, by name; empty before the first.
        package let metrics: [(name: String, value: Double)]
        /// Networks trained on since this process started or continued the run, each visit counted.
        package let networks: Int
    }

    /// Builds the model, and restores the folder's checkpoint if there is one.
    /// - Parameters:
    ///   - folder: the run's folder; created if missing.
    ///   - initial: model folders. Each parameter file of the model starts from the first of these folders that has a
    ///     file of its name; without one its parameters are drawn at random.
    ///   - probePictures: pictures with known classes, for a model that runs networks on some of them; nil for none.
    /// - Throws: `RunError` where the recipe, the data and the folder do not fit together; `SettingError`,
    ///   `ModelError`, `ParameterError` or `FormatError` where the model and its initial parameters do not.
    package init(
        _ recipe: TrainingRecipe, corpus: Corpus, folder: URL, initial: [URL], probePictures: PictureBytes? = nil,
        threads: Int
    ) throws {
        let configuration = recipe.configuration
        self.recipe = recipe
        self.folder = folder
        self.corpus = corpus
        var readers: [(file: String, reader: ParameterReader)] = []
        // The parameter files that the model starts from, with their digests.
        var starts: [String] = []
        let model = try configuration.model { file in
            let given = try initial.compactMap { try Self.contents(of: $0.appendingPathComponent(file)) }.first
            if let given { starts.append("\(file) \(given.digest)") }
            let reader =
                given.map { ParameterReader($0.parameters) }
                ?? ParameterReader(drawing: recipe.seed &+ UInt64(readers.count + 1))
            readers.append((file, reader))
            return reader
        }
        for file in recipe.frozen where !readers.contains(where: { $0.file == file }) {
            throw RunError("frozen: the model has no file '\(file)'")
        }
        parameters = LearnedParameters(readers, frozen: Set(recipe.frozen))
        parameterCount = parameters.count
        let parts = recipe.split.parts(of: corpus)
        let (training, validation) = (parts.training, parts.validation)
        guard !training.isEmpty, !validation.isEmpty else {
            throw RunError(
                "validation_pictures: expected fewer than the \(corpus.sourceCount) pictures of the data, received \(recipe.split.validationPictures ?? corpus.sourceCount); lower it or add data"
            )
        }
        let shapes = Set(corpus.groups.map(\.spec))
        if model.needsOwnWidths, shapes.count > 1 || corpus.groups[0].spec != configuration.input.spec {
            throw RunError(
                "the model reads networks \(configuration.input.spec.summary) only, since it standardises every entry; the data has \(shapes.map(\.summary).sorted().joined(separator: ", ")); set 'normalize' to false"
            )
        }
        for task in recipe.objective.tasks { try task.check(corpus) }
        var pictures = ""
        if let wanted = model.probePictures, starts.isEmpty {
            let chosen = try ProbeSelection(wanted, from: probePictures)
            model.setProbePictures(chosen.values, labels: chosen.labels)
            pictures = "pictures \(chosen.digest)"
        } else if probePictures != nil {
            throw RunError(
                model.probePictures == nil
                    ? "--probe-images: the model reads weights and runs nothing; leave them out, or take the recipe cnn-probe"
                    : "--probe-images: the pictures are those of --initial; leave them out")
        }
        if model.standardizes, starts.isEmpty {
            model.fitStandardization(to: Self.sample(training, corpus, configuration.input.transform))
        }
        self.validation = validation
        trainingCount = training.count
        plan = recipe.plan(pictures: Set(training.map { corpus.sources[$0] }).count)
        trainer = try Trainer(
            model, configuration.input, recipe.objective, parameters, corpus: corpus, indices: training,
            augmentation: recipe.augmentation, plan: plan, threads: threads)
        evaluator = try Evaluator(
            model, configuration.input, recipe.objective, corpus: corpus, threads: threads)
        identity = ContentDigest.hexadecimal(
            Array(recipe.json) + Array(corpus.digest.utf8) + Array("from \(starts)".utf8)
                + Array(pictures.utf8))
        let losses = trainer.lossNames.map { "loss_\($0)" }
        let names = zip(recipe.objective.tasks, evaluator.partNames).flatMap { $0.metricNames(parts: $1) }
        metrics = MetricsLog(
            folder.appendingPathComponent("metrics.csv"),
            columns: ["step", "epoch", "rate", "gradient_norm"] + losses + losses.map { "validation_\($0)" }
                + names.map { "validation_\($0)" })
        sums = losses.map { _ in 0 }
        step = 0
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if let checkpoint = try RunCheckpoint.read(from: folder, identity: identity, shapes: parameters.shapes()) {
            parameters.restore(checkpoint.tensors)
            step = checkpoint.step
            if checkpoint.lossSums.count == sums.count { sums = checkpoint.lossSums }
        }
        try recipe.json.write(to: folder.appendingPathComponent("recipe.json"), options: .atomic)
        try metrics.prepare(keepingUpTo: step)
    }

    /// The networks over which the statistics of a standardisation are computed, canonical and scaled as the model's
    /// layers read them: every s-th of the n training networks with s = max(1, ⌊n / 4096⌋), so fewer than 8,192.
    private static func sample(_ indices: [Int], _ corpus: Corpus, _ transform: InputTransform) -> [NetworkWeights] {
        let stride = max(1, indices.count / 4096)
        return indices.indices.filter { $0 % stride == 0 }.map { place in
            let index = indices[place]
            return transform.scaled(transform.canonical(corpus[index], activation: corpus.activation(of: index)))
        }
    }

    /// The parameters in a file and the file's digest; nil where it does not exist.
    private static func contents(of file: URL) throws -> (parameters: StateDict, digest: String)? {
        guard let data = FileManager.default.contents(atPath: file.path) else { return nil }
        let bytes = [UInt8](data)
        let parameters = try WeightFile.read(bytes, limits: .checkpoint).stateDict().unwrapped
        return (parameters, ContentDigest.hexadecimal(bytes))
    }

    /// The number of steps done, those before a restored checkpoint included.
    package var stepsDone: Int { step }

    /// Trains until the plan's last step or until `shouldStop` returns true, and writes a checkpoint then.
    /// - Parameters:
    ///   - checkpointSeconds: the time between checkpoints, in seconds.
    ///   - shouldStop: asked after every step.
    ///   - report: called after every step.
    /// - Returns: whether all steps are done.
    /// - Throws: where a file of the run cannot be written.
    package func run(
        checkpointSeconds: Double, shouldStop: () -> Bool, report: (Progress) -> Void
    ) throws -> Bool {
        var cache: (epoch: Int, networks: [Int])?
        var latest: [(name: String, value: Double)] = []
        var saved = ContinuousClock.now
        let first = step
        while step < plan.steps {
            let done = trainer.step(step, epochCache: &cache)
            for index in sums.indices { sums[index] += done.losses[index] }
            step += 1
            if step % evaluationInterval == 0 || step == plan.steps {
                latest = try evaluate(done)
            }
            report(
                Progress(
                    step: step, steps: plan.steps, epoch: Double(step) / Double(trainer.stepsPerEpoch),
                    loss: done.losses.reduce(0, +), metrics: latest,
                    networks: (step - first) * plan.batch))
            let isOver = step == plan.steps || shouldStop()
            if isOver || .now - saved > .seconds(checkpointSeconds) {
                try checkpoint()
                saved = .now
            }
            if isOver { break }
        }
        return step >= plan.steps
    }

    /// Steps between two evaluations on the validation networks: an epoch, or a quarter of the run where that is less.
    private var evaluationInterval: Int { min(trainer.stepsPerEpoch, max(1, plan.steps / 4)) }

    /// Evaluates the averaged parameters on the validation networks, appends a row to the metrics and draws the curves.
    /// - Returns: every task's metrics, by name.
    private func evaluate(_ done: StepReport) throws -> [(name: String, value: Double)] {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let values = zip(zip(recipe.objective.tasks, evaluation.tasks), evaluator.partNames).flatMap { own, parts in
            zip(own.0.metricNames(parts: parts), own.0.metrics(own.1, corpus)).map { (name: $0, value: $1) }
        }
        let count = Double((step - 1) % evaluationInterval + 1)
        try metrics.append(
            [Double(step), Double(done.epoch), Double(done.rate), done.gradientNorm] + sums.map { $0 / count }
                + evaluation.losses.map(\.mean) + values.map(\.value))
        for index in sums.indices { sums[index] = 0 }
        try drawCurves()
        return values
    }

    private func checkpoint() throws {
        try RunCheckpoint(step: step, lossSums: sums, identity: identity, tensors: parameters.tensors())
            .write(to: folder)
    }

    /// Writes `loss.svg` and `accuracy.svg` from all rows of the metrics.
    private func drawCurves() throws {
        let rows = try metrics.read()
        func series(_ matches: (String) -> Bool) -> [CurvePlot.Series] {
            metrics.columns.enumerated().filter { matches($0.element) }.map { index, name in
                CurvePlot.Series(
                    name.replacingOccurrences(of: "_", with: " "), rows.map { ($0[0], $0[index]) })
            }
        }
        for (file, title, matches) in [
            ("loss.svg", "Loss", { (name: String) in name.contains("loss") }),
            ("accuracy.svg", "Validation accuracy", { (name: String) in name.contains("accuracy") }),
            ("correlation.svg", "Validation", { (name: String) in name.contains("_tau") || name.contains("_r2") }),
        ] where file == "loss.svg" || metrics.columns.contains(where: matches) {
            let plot = CurvePlot(title: "\(title): \(recipe.name)", xTitle: "step", series(matches))
            try Data(plot.svg.utf8).write(to: folder.appendingPathComponent(file), options: .atomic)
        }
    }

    /// Writes the folder `model`: the averaged parameters, and a `config.json` with the calibration and the figures of
    /// the validation networks. It can be served.
    /// - Returns: the folder, and the report of each task on the validation networks.
    /// - Throws: where a file cannot be written, or a parameter leaves the range of its stored type.
    package func writeModel() throws -> (folder: URL, reports: [any TrainingReport]) {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let folder = folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var files = parameters.averagedFiles()
        for task in recipe.objective.tasks { files = try task.finished(files) }
        for (name, contents) in files {
            try Data(SafetensorsWriter.write(typed: recipe.storage.typed(contents))).write(
                to: folder.appendingPathComponent(name), options: .atomic)
        }
        var document = try ModelDocument(recipe: recipe.json)
        var card: [String: Any] = [
            "recipe": recipe.name, "seed": Int(clamping: recipe.seed), "parameters": parameters.totalCount,
            "training_networks": trainingCount, "steps": plan.steps, "training_data": corpus.shortDigest,
        ]
        let targets = recipe.objective.tasks.compactMap { $0 as? RegressionTask }.flatMap(\.targets)
        if !targets.isEmpty { card["targets"] = targets.joined(separator: ",") }
        if let editing = recipe.objective.tasks.compactMap({ $0 as? EditingTask }).first {
            card["edit"] = editing.edit.rawValue
        }
        if recipe.split.testShare > 0, corpus.splits == nil { card["test_share"] = recipe.split.testShare }
        var reports: [any TrainingReport] = []
        for (task, own) in zip(recipe.objective.tasks, evaluation.tasks) {
            let calibration = task.calibrate(own, corpus)
            document.apply(calibration)
            guard let report = calibration.report else { continue }
            reports.append(report)
            for (name, value) in report.figures { card["validation_\(name)"] = value }
        }
        document.add(toCard: card)
        document.setDecoderTrained(recipe.objective.asks(for: .picture))
        try document.json().write(to: folder.appendingPathComponent("config.json"), options: .atomic)
        return (folder, reports)
    }

    /// Writes `reconstructions.png`, the pictures of the first validation networks above those that the model reconstructs
    /// from their latents, or `edits.png`, their edited pictures above those that the edited networks draw.
    /// - Parameter count: at most so many networks.
    /// - Returns: the file; nil where the objective has neither task or the networks draw no pictures.
    package func writePictures(count: Int = 32) throws -> URL? {
        let reconstructs = recipe.objective.asks(for: .picture)
        guard let image = recipe.configuration.input.image, reconstructs || recipe.objective.asks(for: .weights) else {
            return nil
        }
        let pairs = parameters.withAverages { evaluator.pictures(Array(validation.prefix(count)), image) }
        let url = folder.appendingPathComponent(reconstructs ? "reconstructions.png" : "edits.png")
        try Data(try PictureSheet(pairs).png()).write(to: url, options: .atomic)
        return url
    }
}
