import ArgumentParser
import InferenceService
import ModelStore
import Models
import NetworkReading
import Networks
import WeightFormats

/// `weightspace models`
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Lists the models that 'serve' would serve with the same options.")

    @OptionGroup var sources: ModelSourceOptions

    @Flag(help: "Print one JSON object per model.")
    var json = false

    func run() throws {
        var settings = Settings()
        var failures = 0
        for folder in try sources.resolve(&settings).folders() {
            do {
                report(try ModelSources.load(folder))
            } catch {
                failures += 1
                Terminal.complain(reason(error))
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func report(_ model: ServedModel) {
        if json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.identity(of: model)
            writer.member("task", model.task)
            writer.member("networks", model.expectation.summary)
            writer.name("operations")
            writer.array(model.outputs) { writer, own in writer.value(own.output.rawValue) }
            writer.endObject()
            return print(String(decoding: writer.bytes, as: UTF8.self))
        }
        let operations = model.outputs.map(\.output.rawValue).joined(separator: ", ")
        print("\(model.name) \(model.version)  reads \(model.expectation.summary)  offers \(operations)")
        print("  sha256 \(model.sha256)")
        for (name, value) in model.configuration.card.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): print("  \(name): \(text)")
            case .number(let number): print("  \(name): \(number)")
            }
        }
    }
}
