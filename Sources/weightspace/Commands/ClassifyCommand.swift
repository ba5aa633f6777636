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
    @OptionGroup var certifying: CertifyOptions
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
        let run = BatchRun(
            model: model, output: .classes, claims: claims, reading: reading, pool: pool,
            certification: certifying.certification)
        var disagreements = 0
        let (answered, failures) = try run(allOf: files) { answer in
            if json {
                print(
                    answer.json { answer, writer in
                        guard case .classes(let classes) = answer else { return }
                        writer.classification(classes, labels: model.labels, topK: topK)
                    })
            } else if case .success(.classes(let classes)) = answer.outcome {
                if classes.agrees == false { disagreements += 1 }
                print(text(answer.name, classes, model.labels) + (answer.drift.map { "  (\($0.text))" } ?? ""))
            }
        }
        if !json, disagreements > 0, answered > 1 {
            Terminal.complain("weights and probes disagree on \(disagreements) of \(answered) networks")
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
}
