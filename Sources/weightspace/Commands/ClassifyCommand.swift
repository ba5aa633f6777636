import ArgumentParser
import Engine
import InferenceService
import ModelStore
import WeightFormats

/// `weightspace classify FILE…`
struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Tells the class of the picture that each network draws.")

    @Argument(help: "Files of weights in any of the upload formats; '-' is standard input.")
    var files: [String]

    @OptionGroup var selection: ModelSelection
    @OptionGroup var conventions: ConventionOptions
    @OptionGroup var threads: ThreadOption

    @Option(help: "How many classes to list for each network.")
    var topK = 1

    @Flag(help: "One JSON object a line for every network.")
    var json = false

    func validate() throws {
        guard topK > 0 else { throw ValidationError("--top-k: expected at least 1, received \(topK)") }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let convention = try conventions.resolve()
        let model = try selection.load()
        let run = BatchRun(model: model, operation: .classify, convention: convention, pool: pool)
        let failures = try run(files) { answer in
            if json {
                printLine(answer, model)
            } else if case .success(let values) = answer.values {
                let classification = model.classification(values)
                let classes = model.ranking(classification.logits).prefix(topK).map { score in
                    "\(model.labels[score.classID])  \(percent(score.score))"
                }
                let doubt = classification.agrees == false ? "  (weights and probes disagree)" : ""
                let name = answer.index == 0 ? answer.path : "\(answer.path)[\(answer.index)]"
                print("\(name)  \(classes.joined(separator: ",  "))\(doubt)")
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func percent(_ score: Float) -> String { "\((score * 1000).rounded() / 10) %" }

    private func printLine(_ answer: FileAnswer, _ model: ServedModel) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", answer.path)
        writer.member("index", answer.index)
        switch answer.values {
        case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
        case .success(let values): writer.classification(values, of: model, topK: topK)
        }
        writer.endObject()
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
