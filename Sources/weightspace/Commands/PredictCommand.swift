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
            both and warns where the answers do not tell. Files of a folder that hold no network are skipped with a note on \
            standard error.
            """)

    @Argument(help: "Files of weights in any of the upload formats, or folders of them; '-' is standard input.")
    var files: [String]

    @OptionGroup var selection: ModelSelection
    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var certifying: CertifyOptions
    @OptionGroup var threads: ThreadOption

    @Flag(help: "Print one JSON object per network.")
    var json = false

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let claims = try notation.claims()
        let model = try selection.load(offering: .scalars)
        let run = BatchRun(
            model: model, output: .scalars, claims: claims, reading: reading, pool: pool,
            certification: certifying.certification)
        let (_, failures) = try run(allOf: files) { answer in
            if json {
                print(
                    answer.json { answer, writer in
                        guard case .scalars(let values) = answer else { return }
                        writer.scalars(values, named: model.targets)
                    })
            } else if case .success(.scalars(let values)) = answer.outcome {
                let numbers = zip(model.targets, values).map { "\($0) \(String(format: "%.4g", Double($1)))" }
                let drift = answer.drift.map { "  (\($0.text))" } ?? ""
                print("\(answer.name)  \(numbers.joined(separator: ",  "))\(drift)")
                for warning in answer.prepared?.warnings ?? [] {
                    Terminal.complain("\(answer.name): warning: \(warning)")
                }
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }
}
