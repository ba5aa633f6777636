import ArgumentParser
import Engine
import InferenceService
import ModelStore
import Models
import WeightFormats

/// `weightspace classify FILE…`
struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Prints the class of the picture that each network draws.",
        discussion: """
            Files of a folder that hold no network are skipped with a note on standard error. A file named on the command \
            line that holds no network is a failure. Where the model has two parts, one that reads weights and one that \
            evaluates the network, and they predict different classes, both predictions are printed, since such answers \
            are wrong more often.
            """)

    @Argument(help: "Files of weights in any of the upload formats, or folders of them; '-' is standard input.")
    var files: [String]

    @OptionGroup var selection: ModelSelection
    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threads: ThreadOption

    @Option(help: "How many classes to list for each network.")
    var topK = 1

    @Flag(help: "Print one JSON object per network.")
    var json = false

    func validate() throws {
        guard topK > 0 else { throw ValidationError("--top-k: expected at least 1, received \(topK)") }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let claims = try notation.claims()
        let model = try selection.load(offering: .classes)
        let run = BatchRun(model: model, output: .classes, claims: claims, reading: reading, pool: pool)
        let list = try FileList(files)
        var (answered, disagreements) = (0, 0)
        let failures = try run(list.paths, skippable: list.found) { answer in
            guard case .success(.classes(let classes)) = answer.outcome else {
                if json { printLine(answer, model) }
                return
            }
            answered += 1
            if classes.agrees == false { disagreements += 1 }
            json ? printLine(answer, model) : print(text(answer.name, classes, model.labels))
        }
        if !json, disagreements > 0, answered > 1 {
            Terminal.complain("weights and probes disagree on \(disagreements) of \(answered) networks")
        }
        guard answered + failures > 0 else {
            throw CommandFailure("no networks are in \(files.joined(separator: ", "))")
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func text(_ name: String, _ answer: Classification, _ labels: [String]) -> String {
        func classes(_ scores: ClassScores, _ count: Int) -> String {
            scores.ranking.prefix(count).map { "\(labels[$0.classID])  \(percent($0.score))" }.joined(separator: ",  ")
        }
        let line = "\(name)  \(classes(answer.scores, topK))"
        if answer.opinions.contains(where: { $0.scores == nil }) { return line + "  (by its function)" }
        guard answer.agrees == false else { return line }
        let opinions = answer.opinions.map { "\($0.name) \($0.scores.map { classes($0, 1) } ?? "-")" }
        return line + "  (disagreement: \(opinions.joined(separator: ", ")))"
    }

    private func percent(_ score: Float) -> String { "\((score * 1000).rounded() / 10) %" }

    private func printLine(_ answer: FileAnswer, _ model: ServedModel) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", answer.path)
        writer.member("index", answer.index)
        if let member = answer.member { writer.member("name", member) }
        switch answer.outcome {
        case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
        case .success(.classes(let classes)): writer.classification(classes, labels: model.labels, topK: topK)
        case .success: break
        }
        if let prepared = answer.prepared { writer.reading(prepared) }
        writer.endObject()
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
