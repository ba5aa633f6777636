import Foundation
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// A training run in a folder of its own: checkpoint, metrics, curves and, in the end, the model.
package final class TrainingRun {
    package let recipe: TrainingRecipe
    package let plan: TrainingPlan
    package let parameterCount: Int
    package let trainingCount: Int
    package let validation: [Int]
    private let folder: URL
    private let corpus: Corpus
    private let parameters: LearnedParameters
    private let trainer: Trainer
    private let evaluator: Evaluator
    private let identity: String
    private let metrics: MetricsLog
    private var sums: [Double]
    private var step: Int

    /// Where a run is, for people.
    package struct Progress {
        package let step: Int
        package let steps: Int
        package let epoch: Double
        package let loss: Double
        /// Of the last look at the validation networks: every task's metrics, by name.
        package let metrics: [(name: String, value: Double)]
        /// Networks that were learned from since the run was started or went on.
        package let networks: Int
    }

    /// - Parameters:
    ///   - initial: model folders; the parameters of a file begin as the first that has it says.
    /// - Throws: `RunError`, `ModelError` or `ModelFolderError` where the parts do not fit together.
    package init(
        _ recipe: TrainingRecipe, corpus: Corpus, folder: URL, initial: [URL], threads: Int
    ) throws {
        let configuration = recipe.configuration
        self.recipe = recipe
        self.folder = folder
        self.corpus = corpus
        var readers: [(file: String, reader: ParameterReader)] = []
        var isInitial = false
        let model = try configuration.model { file in
            let given = try initial.compactMap { try Self.contents(of: $0.appendingPathComponent(file)) }.first
            if given != nil { isInitial = true }
            let reader =
                given.map { ParameterReader($0) }
                ?? ParameterReader(drawing: recipe.seed &+ UInt64(readers.count + 1))
            readers.append((file, reader))
            return reader
        }
        for file in recipe.frozen where !readers.contains(where: { $0.file == file }) {
            throw RunError("frozen: the model has no file '\(file)'")
        }
        parameters = LearnedParameters(readers, frozen: Set(recipe.frozen))
        parameterCount = parameters.count
        let (training, validation) = corpus.split(validationPictures: recipe.validationPictures)
        guard !training.isEmpty, !validation.isEmpty else {
            throw RunError(
                "validation_pictures: expected fewer than the \(Set(corpus.sources).count) pictures of the data, received \(recipe.validationPictures)"
            )
        }
        for task in recipe.objective.tasks { try task.check(corpus) }
        if model.standardizes, !isInitial {
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
            Array(recipe.json) + Array(corpus.digest.utf8) + Array("from \(initial.map(\.lastPathComponent))".utf8))
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

    /// Networks for statistics, as the model's layers read them: at most 4,096, evenly spread over those to learn from.
    private static func sample(_ indices: [Int], _ corpus: Corpus, _ transform: InputTransform) -> [NetworkWeights] {
        let stride = max(1, indices.count / 4096)
        return indices.indices.filter { $0 % stride == 0 }.map { place in
            transform.scaled(transform.canonical(corpus[indices[place]]))
        }
    }

    private static func contents(of file: URL) throws -> StateDict? {
        guard let data = FileManager.default.contents(atPath: file.path) else { return nil }
        return try WeightFile.read([UInt8](data), limits: .checkpoint).stateDict().unwrapped
    }

    /// Steps that are done.
    package var stepsDone: Int { step }

    /// Learns until the plan is done or `shouldStop` says so; what is done by then is kept.
    /// - Returns: whether the plan is done.
    package func run(
        checkpointSeconds: Double, shouldStop: () -> Bool, report: (Progress) -> Void
    ) throws -> Bool {
        var cache: (epoch: Int, networks: [Int])?
        var latest: [(name: String, value: Double)] = []
        var kept = ContinuousClock.now
        let first = step
        while step < plan.steps {
            let done = trainer.step(step, epochCache: &cache)
            for index in sums.indices { sums[index] += done.losses[index] }
            step += 1
            if step % lookEvery == 0 || step == plan.steps {
                latest = try look(done)
            }
            report(
                Progress(
                    step: step, steps: plan.steps, epoch: Double(step) / Double(trainer.stepsPerEpoch),
                    loss: done.losses.reduce(0, +), metrics: latest,
                    networks: (step - first) * plan.batch))
            let isOver = step == plan.steps || shouldStop()
            if isOver || .now - kept > .seconds(checkpointSeconds) {
                try checkpoint()
                kept = .now
            }
            if isOver { break }
        }
        return step >= plan.steps
    }

    /// Steps between two looks at the validation pictures.
    private var lookEvery: Int { min(trainer.stepsPerEpoch, max(1, plan.steps / 4)) }

    private func look(_ done: StepReport) throws -> [(name: String, value: Double)] {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let values = zip(zip(recipe.objective.tasks, evaluation.tasks), evaluator.partNames).flatMap { own, parts in
            zip(own.0.metricNames(parts: parts), own.0.metrics(own.1, corpus)).map { (name: $0, value: $1) }
        }
        let count = Double((step - 1) % lookEvery + 1)
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
        ] {
            let plot = CurvePlot(title: "\(title): \(recipe.name)", xTitle: "step", series(matches))
            try Data(plot.svg.utf8).write(to: folder.appendingPathComponent(file), options: .atomic)
        }
    }

    /// Writes the model that was learned, calibrated on the validation networks, as a folder to serve.
    /// - Returns: its folder, and what the validation networks say of it, for each task.
    package func writeModel() throws -> (folder: URL, reports: [any TrainingReport]) {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let folder = folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, contents) in parameters.averagedFiles() {
            try Data(SafetensorsWriter.write(contents)).write(
                to: folder.appendingPathComponent(name), options: .atomic)
        }
        var document = try ModelDocument(recipe: recipe.json)
        var card: [String: Any] = [
            "recipe": recipe.name, "seed": Int(clamping: recipe.seed), "parameters": parameters.totalCount,
            "training_networks": trainingCount, "steps": plan.steps,
        ]
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

    /// Draws validation networks beside what their latents draw; nil where the model does not reconstruct.
    package func writeReconstructions(count: Int = 32) throws -> URL? {
        guard let image = recipe.configuration.input.image, recipe.objective.asks(for: .picture) else { return nil }
        let pairs = parameters.withAverages { evaluator.pictures(Array(validation.prefix(count)), image) }
        let url = folder.appendingPathComponent("reconstructions.png")
        try Data(try PictureSheet(pairs).png()).write(to: url, options: .atomic)
        return url
    }
}
