import Foundation
import ModelStore
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
        /// Of the last look at the validation pictures, for each part of the model.
        package let accuracies: [Double]
        /// Networks that were learned from since the run was started or went on.
        package let networks: Int
    }

    /// - Parameters:
    ///   - initial: model folders; the parameters of a file begin as the first that has it says.
    /// - Throws: `RunError`, `ModelError` or `ModelFolderError` where the parts do not fit together.
    package init(
        _ recipe: TrainingRecipe, corpus: Corpus, folder: URL, initial: [URL], threads: Int
    ) throws {
        let manifest = recipe.manifest
        self.recipe = recipe
        self.folder = folder
        self.corpus = corpus
        var readers: [(file: String, reader: ParameterReader)] = []
        let networks = try ServedNetworks(manifest) { file in
            let given = try initial.compactMap { try Self.contents(of: $0.appendingPathComponent(file)) }.first
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
        if recipe.objective.classification > 0 { try Self.checkLabels(corpus, manifest) }
        if networks.standardizes, !initial.contains(where: { Self.hasFile(of: manifest, in: $0) }) {
            networks.fitStandardization(to: Self.prepared(training, corpus, manifest))
        }
        self.validation = validation
        trainingCount = training.count
        plan = recipe.plan(pictures: Set(training.map { corpus.sources[$0] }).count)
        trainer = try Trainer(
            networks, manifest, recipe.objective, parameters, corpus: corpus, indices: training,
            augmentation: recipe.augmentation, plan: plan, threads: threads)
        evaluator = try Evaluator(networks, manifest, recipe.objective, corpus: corpus, threads: threads)
        identity = ContentDigest.hexadecimal(
            Array(recipe.json) + Array(corpus.digest.utf8) + Array("from \(initial.map(\.lastPathComponent))".utf8))
        let losses = trainer.lossNames
        let parts = losses.filter { $0 != "loss_reconstruction" }.map { $0.dropFirst("loss_".count) }
        metrics = MetricsLog(
            folder.appendingPathComponent("metrics.csv"),
            columns: ["step", "epoch", "rate", "gradient_norm"] + losses + losses.map { "validation_\($0)" }
                + parts.map { "validation_accuracy_\($0)" })
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

    /// Throws unless the model's labels can name the data's classes.
    private static func checkLabels(_ corpus: Corpus, _ manifest: ModelManifest) throws(RunError) {
        let names = manifest.labels
        if let wrong = corpus.labels.first(where: { !names.indices.contains($0) }) {
            throw RunError(
                "expected labels from 0 to \(names.count - 1), the model's \(names.count) classes; received \(wrong)")
        }
        let highest = corpus.labels.max() ?? 0
        guard highest == names.count - 1 else {
            throw RunError(
                "the data has labels 0 to \(highest), the recipe's model \(names.count) classes (\(names.joined(separator: ", "))); name the data's own with --set 'model.labels=[\"…\", …]' and set the number of classes of each part (n_classes or num_out) to \(highest + 1)"
            )
        }
    }

    /// Whether a model folder holds the parameters of the part that standardises its inputs.
    private static func hasFile(of manifest: ModelManifest, in folder: URL) -> Bool {
        guard let file = manifest.network?.file else { return false }
        return FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
    }

    /// Networks for statistics, as the model reads them: at most 4,096, evenly spread over those to learn from.
    private static func prepared(_ indices: [Int], _ corpus: Corpus, _ manifest: ModelManifest) -> [NetworkWeights] {
        let stride = max(1, indices.count / 4096)
        let form = manifest.input.canonicalizes ? CanonicalForm(omega0: Float(manifest.input.omega0)) : nil
        return indices.indices.filter { $0 % stride == 0 }.map { place in
            let network = corpus[indices[place]]
            return form.map { $0(network) } ?? network
        }
    }

    private static func contents(of file: URL) throws -> StateDict? {
        guard let data = FileManager.default.contents(atPath: file.path) else { return nil }
        return try WeightFile.read([UInt8](data), limits: .checkpoint).soleNetwork().unwrapped
    }

    /// Steps that are done.
    package var stepsDone: Int { step }

    /// Learns until the plan is done or `shouldStop` says so; what is done by then is kept.
    /// - Returns: whether the plan is done.
    package func run(
        checkpointSeconds: Double, shouldStop: () -> Bool, report: (Progress) -> Void
    ) throws -> Bool {
        var cache: (epoch: Int, networks: [Int])?
        var accuracies: [Double] = []
        var kept = ContinuousClock.now
        let first = step
        while step < plan.steps {
            let done = trainer.step(step, epochCache: &cache)
            for index in sums.indices { sums[index] += done.losses[index] }
            step += 1
            if step % lookEvery == 0 || step == plan.steps {
                accuracies = try look(done).accuracies
            }
            report(
                Progress(
                    step: step, steps: plan.steps, epoch: Double(step) / Double(trainer.stepsPerEpoch),
                    loss: done.losses.reduce(0, +), accuracies: accuracies,
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

    private func look(_ done: StepReport) throws -> Evaluation {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let count = Double((step - 1) % lookEvery + 1)
        try metrics.append(
            [Double(step), Double(done.epoch), Double(done.rate), done.gradientNorm] + sums.map { $0 / count }
                + evaluation.losses.map(\.mean) + evaluation.accuracies)
        for index in sums.indices { sums[index] = 0 }
        try drawCurves()
        return evaluation
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

    /// Writes the model that was learned, calibrated on the validation pictures, as a folder to serve.
    /// - Returns: its folder, and what the validation pictures said of it.
    package func writeModel() throws -> (folder: URL, report: ClassificationReport?) {
        let evaluation = parameters.withAverages { evaluator(validation) }
        let calibration = Calibration(evaluation)
        let model = folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        for (name, contents) in parameters.averagedFiles() {
            try Data(SafetensorsWriter.write(contents)).write(
                to: model.appendingPathComponent(name), options: .atomic)
        }
        var card: [String: Any] = [
            "recipe": recipe.name, "seed": Int(clamping: recipe.seed), "parameters": parameters.totalCount,
            "training_networks": trainingCount, "steps": plan.steps,
        ]
        if let report = calibration?.report { card["validation_accuracy"] = report.accuracy }
        for (name, mean) in evaluation.losses where name == "loss_reconstruction" {
            card["validation_reconstruction_mse"] = mean
        }
        try recipe.manifestJSON(card: card, calibration: calibration).write(
            to: model.appendingPathComponent("config.json"), options: .atomic)
        return (model, calibration?.report)
    }

    /// Draws validation networks beside what their latents draw; nil where the model does not reconstruct.
    package func writeReconstructions(count: Int = 32) throws -> URL? {
        guard let image = recipe.manifest.input.image, recipe.objective.reconstruction > 0 else { return nil }
        let pairs = parameters.withAverages { evaluator.pictures(Array(validation.prefix(count)), image) }
        let url = folder.appendingPathComponent("reconstructions.png")
        try Data(try PictureSheet(pairs).png()).write(to: url, options: .atomic)
        return url
    }
}
