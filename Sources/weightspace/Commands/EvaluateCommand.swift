import ArgumentParser
import Datasets
import Engine
import Foundation
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Training
import WeightFormats

/// `weightspace evaluate MODEL DATA`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures a model on INRs that 'fit' has made.",
        discussion: """
            Networks are prepared and computed as in 'serve'. Prints accuracy with its 95 % confidence interval, \
            calibration error, the confusion matrix, the error of reconstructions, and floating-point operations and time \
            per network. \
            Without labels it prints the mean probability of the predicted class and how often the weights and the probes \
            part of the model agree.
            """)

    @Argument(help: "A model folder, the folder of a run, or the name of an embedded model.")
    var model: String

    @Argument(help: "A folder of shards.")
    var data: String

    @Option(help: "Number of networks, the first of the data. (default: all)")
    var count: Int?

    @Option(
        help:
            "Treat the networks as if they had this convention, nfn or dws, to measure the effect of a wrong convention. (default: the convention they were fitted in)"
    )
    var mistakenFor: SIRENConvention?

    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    @Flag(help: "Also write the figures into 'card' of the model folder's config.json.")
    var record = false

    @OptionGroup var threads: ThreadOption

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let model = try ModelSelection.load(folderOrName: model)
        let input = model.input
        let corpus = try Corpus(
            shards: [data], for: input)
        let indices = 0..<min(count ?? .max, corpus.count)
        guard !indices.isEmpty else {
            throw CommandFailure("'\(data)': no networks to evaluate; --count must be above zero")
        }
        let labels = indices.map { corpus.labels[$0] }
        let isLabelled = labels.contains { $0 >= 0 }
        if isLabelled, model.offers(.classes),
            let wrong = labels.first(where: { !model.labels.indices.contains($0) })
        {
            throw CommandFailure(
                "'\(data)': expected labels from 0 to \(model.labels.count - 1), received \(wrong); the model has other classes"
            )
        }
        var result = ModelEvaluation(model: model.name, version: model.version, count: indices.count)
        var progress = ProgressBar(total: indices.count, unit: "networks")
        var claims = NotationClaims()
        claims.claim(
            Notation(mistakenFor ?? input.transform.convention, omega0: input.transform.omega0), "that of the data")
        var seconds = 0.0
        var answers: [Classification] = []
        var squares = 0.0
        for start in stride(from: 0, to: indices.count, by: 256) {
            let own = start..<min(start + 256, indices.count)
            let prepared = try own.map { try model.prepare(corpus[$0], claims) }
            if model.offers(.classes) {
                let begin = ContinuousClock.now
                let computed = try model.run(.classes, prepared.map(\.content), pool)
                seconds += (.now - begin) / Duration.seconds(1)
                for case .classes(let classes) in computed { answers.append(classes) }
            }
            if model.offers(.picture), let image = input.image {
                let computed = try model.run(.picture, prepared.map(\.content), pool)
                for (network, answer) in zip(prepared, computed) {
                    let own = try network.picture(height: image.height, width: image.width)
                    let drawn = answer.values
                    squares +=
                        zip(own.values, drawn).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
                        / Double(drawn.count)
                }
            }
            progress.update(own.upperBound)
        }
        progress.clear()
        if !answers.isEmpty {
            result.classify(
                answers, labels: isLabelled ? labels : nil, temperature: Double(model.configuration.temperature))
            result.flops = try model.flops(.classes, input.spec)
            result.millisecondsPerNetwork = 1000 * seconds / Double(indices.count)
            result.threads = pool.threads
        }
        if model.offers(.picture) { result.reconstructionError = squares / Double(indices.count) }
        print(json ? result.json : result.text(labels: model.labels))
        if record { try record(result) }
    }
}

extension SIRENConvention: ExpressibleByArgument {}

extension EvaluateCommand {
    /// Writes the figures into `card` of the model folder's `config.json`.
    private func record(_ result: ModelEvaluation) throws {
        guard let folder = ModelSources.folder(at: URL(fileURLWithPath: model)) else {
            throw CommandFailure("--record: '\(model)' is not a model folder")
        }
        let file = folder.appendingPathComponent("config.json")
        guard let data = FileManager.default.contents(atPath: file.path),
            var manifest = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        else { throw CommandFailure("--record: '\(file.path)' cannot be read") }
        let card = manifest["card"] as? [String: Any] ?? [:]
        manifest["card"] = card.merging(result.figures) { $1 }
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try OutputFile.write(
            [UInt8](try JSONSerialization.data(withJSONObject: manifest, options: options)), to: file.path)
    }
}
