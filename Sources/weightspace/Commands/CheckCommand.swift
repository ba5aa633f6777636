import ArgumentParser
import Engine
import ModelStore
import Models
import NetworkReading
import Networks
import SIREN
import Tensors
import Uploads
import WeightFormats

/// `weightspace check MODEL --against FILE`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compares a model folder with numbers that PyTorch computed.",
        discussion: """
            The file holds the arrays of input networks under names that begin with 'input.', with or without an axis of \
            networks, and the outputs of PyTorch as 'latents', 'logits', 'reconstruction' or 'output' (the model's first \
            output), the networks along the first axis. The networks are taken in the model's own notation. The error of a \
            value is |difference| / max(1, |reference|). Exit code 0 where all outputs agree, 1 where one does not.
            """)

    @Argument(help: "A model folder, a run's folder, or the name of an embedded model.")
    var model: String

    @Option(help: "The file of inputs and outputs.")
    var against: String

    @Option(help: "A file of networks in any upload format, in place of the tensors 'input.…'.")
    var inputs: String?

    @Option(help: "The largest error that counts as agreement.")
    var tolerance = 1e-4

    @Flag(help: "Print one JSON object per output.")
    var json = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard tolerance >= 0, tolerance.isFinite else {
            throw ValidationError("--tolerance: expected a number of at least 0, received \(tolerance)")
        }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let model = try ModelSelection.load(folderOrName: model)
        let file = try WeightFile.read(try namedFile(against), limits: .checkpoint).stateDict()
        let networks = try networks(file, model)
        var known = NotationClaims()
        switch model.input.family {
        case .siren: known.claim(model.input.transform.notation, "that of the model")
        case .cnn: known.claim(activation: model.input.transform.activation, "that of the model")
        }
        let claims = known
        let contents = try networks.map { try model.prepare($0, claims, for: model.outputs[0].output).content }
        let named = ["latents", "logits", "reconstruction", "output"].filter { file.contains($0) }
        guard !named.isEmpty else {
            throw CommandFailure("'\(against)' has none of 'latents', 'logits', 'reconstruction' and 'output'")
        }
        var failures = 0
        for name in named {
            guard let reference = file[name] else { continue }
            let comparison = try compare(reference, name, model, contents, pool)
            if !comparison.agrees { failures += 1 }
            report(comparison)
        }
        if !json { print(failures == 0 ? "the model agrees" : "\(failures) of \(named.count) outputs do not agree") }
        if failures > 0 { throw ExitCode(1) }
    }

    private func networks(_ file: StateDict, _ model: ServedModel) throws -> [NetworkWeights] {
        if let inputs {
            return try UploadFile(inputs, expecting: model.expectation).networks.map { try $0.get().weights }
        }
        let arrays = file.scoped("input.")
        guard arrays.count > 0 else {
            throw CommandFailure("'\(against)' has no tensors 'input.…'; name a file of networks with --inputs")
        }
        return try NetworkReading(arrays, expecting: model.expectation).networks
    }

    /// The difference between one output and the reference.
    private struct Comparison {
        let name: String
        let shape: [Int]
        let largest: Double
        let rootMeanSquare: Double
        let agrees: Bool
    }

    private func compare(
        _ reference: Tensor, _ name: String, _ model: ServedModel, _ contents: [PreparedNetwork.Content],
        _ pool: WorkerPool
    ) throws -> Comparison {
        let wanted: [String: Output] = ["latents": .latents, "logits": .classes, "reconstruction": .picture]
        let output = wanted[name] ?? model.outputs[0].output
        guard model.offers(output), let shape = model.shape(of: output) else {
            let offered = model.outputs.map(\.output.rawValue).joined(separator: ", ")
            throw CommandFailure("'\(name)': the model does not offer \(output.rawValue); it offers \(offered)")
        }
        let own = try model.run(output, contents, pool).flatMap { answer in
            if case .classes(let classes) = answer { classes.scores.logits } else { answer.values }
        }
        guard own.count == reference.count else {
            throw CommandFailure(
                "'\(name)': expected shape \([contents.count] + shape), received \(reference.shape)")
        }
        // PyTorch's pictures have their channels before rows and columns.
        var values = reference.values
        if output == .picture, let channels = shape.last, channels > 1, reference.shape.suffix(3).first == channels {
            let pixels = shape[0] * shape[1]
            values = (0..<own.count).map { index in
                let (network, rest) = index.quotientAndRemainder(dividingBy: pixels * channels)
                return reference.values[(network * channels + rest % channels) * pixels + rest / channels]
            }
        }
        var (largest, sum) = (0.0, 0.0)
        for (a, b) in zip(own, values) {
            let difference = Double(a) - Double(b)
            let error = abs(difference) / max(1, abs(Double(b)))
            largest = error.isNaN ? .infinity : max(largest, error)
            sum += difference * difference
        }
        return Comparison(
            name: name, shape: reference.shape, largest: largest,
            rootMeanSquare: (sum / Double(max(own.count, 1))).squareRoot(), agrees: largest <= tolerance)
    }

    private func report(_ comparison: Comparison) {
        guard json else {
            let shape = comparison.shape.map(String.init).joined(separator: "×")
            let verdict = comparison.agrees ? "ok" : "OUT OF TOLERANCE \(tolerance)"
            return print(
                "\(comparison.name) [\(shape)]  largest \(Float(comparison.largest))  RMS \(Float(comparison.rootMeanSquare))  \(verdict)"
            )
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("output", comparison.name)
        writer.member("largest_error", Float(comparison.largest))
        writer.member("rms", Float(comparison.rootMeanSquare))
        writer.member("tolerance", Float(tolerance))
        writer.member("agrees", comparison.agrees)
        writer.endObject()
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
