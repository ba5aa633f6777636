import ArgumentParser
import Datasets
import Engine
import Foundation
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Training
import WeightFormats

/// `weightspace evaluate MODEL DATA`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures a model on a corpus of networks.",
        discussion: """
            Networks are prepared and computed as in 'serve'. For a model that predicts numbers it prints Kendall's tau with \
            its 95 % confidence interval, R2 and the mean absolute error, on the final snapshots of training and apart for \
            each activation and for networks that have learned nothing. For a classifier it prints accuracy with its 95 % confidence interval, \
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
        name: .customLong("where"),
        help:
            "Only networks that fulfil this condition, such as step=18, or final for the last snapshot of each; repeat for several."
    )
    var conditions: [String] = []

    @Option(
        help:
            "Networks of this split only: training, validation, test or all. (default: test, where the data or the model's card says which are for tests)"
    )
    var split: String?

    @Flag(
        help:
            "Also predict networks whose ReLU channels are rescaled by random factors from 0.1 to 10, which change no function."
    )
    var rescale = false

    @Option(help: "The seed of these factors.")
    var seed: UInt64 = 0

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

    func validate() throws { try checkBounds("--count", count ?? 1, 1...Int(Int32.max)) }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let model = try ModelSelection.load(folderOrName: model)
        let input = model.input
        let corpus = try Corpus(shards: [data], filter: try CorpusFilter(conditions), for: input)
        let indices = Array(try chosen(of: corpus, model).prefix(count ?? .max))
        guard !indices.isEmpty else {
            throw CommandFailure("'\(data)': no networks to evaluate; --count must be above zero")
        }
        if indices.count == corpus.count, case .text(corpus.shortDigest)? = model.configuration.card["training_data"] {
            Terminal.complain(
                "warning: the model was trained on these networks, so it will do worse on others; train with --set test_share=0.25 to hold some back, or evaluate other networks"
            )
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
        var seconds = 0.0
        var answers: [Classification] = []
        let targets = model.offers(.scalars) ? try targets(model, corpus) : []
        let edit = try self.edit(model)
        var (predictions, rescaled) = ([[Float]](), [[Float]]())
        var (squares, unchanged) = (0.0, 0.0)
        for start in stride(from: 0, to: indices.count, by: 256) {
            let own = start..<min(start + 256, indices.count)
            let prepared = try own.map { try model.prepare(corpus[indices[$0]], claims(corpus, indices[$0], input)) }
            if model.offers(.classes) {
                let begin = ContinuousClock.now
                let computed = try model.run(.classes, prepared.map(\.content), pool)
                seconds += (.now - begin) / Duration.seconds(1)
                for case .classes(let classes) in computed { answers.append(classes) }
            }
            if !targets.isEmpty {
                let begin = ContinuousClock.now
                for case .scalars(let values) in try model.run(.scalars, prepared.map(\.content), pool) {
                    predictions.append(values)
                }
                seconds += (.now - begin) / Duration.seconds(1)
                if rescale {
                    let changed = try own.map { place in
                        let index = indices[place]
                        var random = RandomSource(seed: seed &+ UInt64(place) &* 0x9E37_79B9_7F4A_7C15)
                        let network = corpus[index]
                        return try model.prepare(
                            corpus.activation(of: index) == .relu ? network.rescalingChannels(&random) : network,
                            claims(corpus, index, input))
                    }
                    for case .scalars(let values) in try model.run(.scalars, changed.map(\.content), pool) {
                        rescaled.append(values)
                    }
                }
            }
            if model.offers(.picture), let image = input.image {
                let computed = try model.run(.picture, prepared.map(\.content), pool)
                for (network, answer) in zip(prepared, computed) {
                    let own = try network.picture(height: image.height, width: image.width)
                    squares += Self.squaredError(own.values, answer.values)
                }
            }
            if let edit, let image = input.image {
                for (network, answer) in zip(prepared, try model.run(.weights, prepared.map(\.content), pool)) {
                    guard case .weights(let edited) = answer else { continue }
                    let own = try network.picture(height: image.height, width: image.width)
                    let drawn = try DrawnFunction(edited, input.transform.notation, features: nil)
                        .picture(height: image.height, width: image.width)
                    let wanted = edit.apply(
                        own.values, height: own.height, width: own.width, channels: own.channels)
                    squares += Self.squaredError(wanted, drawn.values)
                    unchanged += Self.squaredError(wanted, own.values)
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
        if !targets.isEmpty {
            result.regression = RegressionEvaluation(
                predictions, rescaled: rescale ? rescaled : nil, of: indices, in: corpus, targets: targets)
            result.flops = try model.flops(.scalars, input.spec)
            result.millisecondsPerNetwork = 1000 * seconds / Double(indices.count)
            result.threads = pool.threads
        }
        if let edit {
            let count = Double(indices.count)
            result.editing = (edit.rawValue, squares / count, unchanged / count)
        }
        if model.offers(.picture) { result.reconstructionError = squares / Double(indices.count) }
        print(json ? result.json : result.text(labels: model.labels))
        if record { try record(result) }
    }
}

extension SIRENConvention: ExpressibleByArgument {}

extension EvaluateCommand {
    /// What is known of a network's notation.
    private func claims(_ corpus: Corpus, _ index: Int, _ input: ModelInput) -> NotationClaims {
        var notation = Notation(mistakenFor ?? input.transform.convention, omega0: input.transform.omega0)
        notation.activation = corpus.activation(of: index)
        var claims = NotationClaims()
        claims.claim(notation, "that of the data")
        return claims
    }

    /// The networks of `--split`.
    private func chosen(of corpus: Corpus, _ model: ServedModel) throws -> [Int] {
        let all = Array(0..<corpus.count)
        var share = 0.0
        if case .number(let number) = model.configuration.card["test_share"] { share = number }
        var rule = SplitRule()
        rule.testShare = share
        switch split {
        case "all": return all
        case nil, "test":
            if let splits = corpus.splits {
                let test = all.filter { splits[$0] == .test }
                return test.isEmpty && split == nil ? all : test
            }
            if share > 0 { return all.filter { SplitRule.isTest(corpus.sources[$0], share: share) } }
            guard split == nil else {
                throw CommandFailure(
                    "--split test: neither the data nor the model's card says which networks are for tests")
            }
            return all
        case "training", "validation":
            guard let splits = corpus.splits else {
                throw CommandFailure("--split \(split ?? ""): the data gives no splits")
            }
            let wanted: CorpusSplit = split == "training" ? .training : .validation
            return all.filter { splits[$0] == wanted }
        default:
            throw CommandFailure("--split: expected training, validation, test or all, received '\(split ?? "")'")
        }
    }

    /// The edit that the card of an editor names; nil for other models.
    private func edit(_ model: ServedModel) throws -> PictureEdit? {
        guard model.offers(.weights) else { return nil }
        guard case .text(let name)? = model.configuration.card["edit"], let edit = PictureEdit(rawValue: name),
            model.input.image != nil
        else {
            throw CommandFailure(
                "the model edits networks, and its config.json does not say how: card.edit, one of \(PictureEdit.allCases.map(\.rawValue).joined(separator: ", ")), and input.image are needed"
            )
        }
        return edit
    }

    /// The mean of the squared differences.
    private static func squaredError(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / Double(max(1, b.count))
    }

    /// The columns that the model predicts: those of its card or, without them, of the data.
    private func targets(_ model: ServedModel, _ corpus: Corpus) throws -> [String] {
        var names = corpus.description.targets
        if case .text(let text) = model.configuration.card["targets"] {
            names = text.split(separator: ",").map(String.init)
        }
        guard names.count == model.shape(of: .scalars)?.first, names.allSatisfy({ corpus.column($0) != nil }) else {
            throw CommandFailure(
                "'\(data)': the model predicts \(model.shape(of: .scalars)?.first ?? 0) numbers (\(names.joined(separator: ", "))); the data has the columns \(corpus.columns.map(\.name).joined(separator: ", "))"
            )
        }
        return names
    }

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
