import ArgumentParser
import Engine
import Foundation
import InferenceService
import ModelStore
import Models
import WeightFormats

/// `weightspace predict FILE…`
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Prints the numbers that a model predicts for each network.",
        discussion: """
            The embedded model cnn-accuracy predicts the test accuracy of small CNNs on Fashion-MNIST. Where neither the \
            file nor --activation says whether a CNN has relu or tanh, a model that runs the networks, as cnn-accuracy does, tries \
            both and warns where the answers do not tell. Files of a folder that hold no network are skipped with a note on standard error.
            """)

    @Argument(help: "Files of weights in any of the upload formats, or folders of them; '-' is standard input.")
    var files: [String]

    @OptionGroup var selection: ModelSelection
    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threads: ThreadOption

    @Flag(help: "Print one JSON object per network.")
    var json = false

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let claims = try notation.claims()
        let model = try selection.load(offering: .scalars)
        let run = BatchRun(model: model, output: .scalars, claims: claims, reading: reading, pool: pool)
        let list = try FileList(files)
        var answered = 0
        let failures = try run(list.paths, skippable: list.found) { answer in
            guard case .success(.scalars(let values)) = answer.outcome else {
                if json { printLine(answer, model) }
                return
            }
            answered += 1
            if json { return printLine(answer, model) }
            let numbers = zip(model.targets, values).map { "\($0) \(String(format: "%.4g", Double($1)))" }
            print("\(answer.name)  \(numbers.joined(separator: ",  "))")
            for warning in answer.prepared?.warnings ?? [] {
                Terminal.complain("\(answer.name): warning: \(warning)")
            }
        }
        guard answered + failures > 0 else {
            throw CommandFailure("no networks are in \(files.joined(separator: ", "))")
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func printLine(_ answer: FileAnswer, _ model: ServedModel) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", answer.path)
        writer.member("index", answer.index)
        if let member = answer.member { writer.member("name", member) }
        switch answer.outcome {
        case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
        case .success(.scalars(let values)): writer.scalars(values, named: model.targets)
        case .success: break
        }
        if let prepared = answer.prepared { writer.reading(prepared) }
        writer.endObject()
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
