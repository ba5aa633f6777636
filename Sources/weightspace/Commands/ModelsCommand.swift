import ArgumentParser
import Foundation
import InferenceService
import ModelStore
import Networks
import WeightFormats

/// `weightspace models`
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Lists the models that would be served.")

    @Option(help: "Folder of model folders, or one model folder; the embedded models without it.")
    var models: String?

    @Flag(help: "One JSON object a line for every model.")
    var json = false

    func run() throws {
        let directory = try ModelSelection.directory(models)
        var failures = 0
        for folder in try ModelSelection.folders(in: directory) {
            do throws(ModelFolderError) {
                report(try ModelFolder.load(folder))
            } catch {
                failures += 1
                Terminal.complain(error.description)
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func report(_ model: ServedModel) {
        if json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.identity(of: model)
            writer.member("task", model.manifest.task.rawValue)
            writer.member("networks", model.expectation.summary)
            writer.name("operations")
            writer.array(model.operations) { writer, operation in writer.value(operation.rawValue) }
            writer.endObject()
            return print(String(decoding: writer.bytes, as: UTF8.self))
        }
        let operations = model.operations.map(\.rawValue).joined(separator: ", ")
        print("\(model.name) \(model.version)  reads \(model.expectation.summary)  offers \(operations)")
        print("  sha256 \(model.sha256)")
        for (name, value) in model.manifest.card.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): print("  \(name): \(text)")
            case .number(let number): print("  \(name): \(number)")
            }
        }
    }
}
