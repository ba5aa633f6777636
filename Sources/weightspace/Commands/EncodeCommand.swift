import ArgumentParser
import Engine
import Foundation
import ModelStore
import Tensors
import WeightFormats

/// `weightspace encode FILE… --output latents.npy`
struct EncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode", abstract: "Writes the latent array of each network, all in one file.",
        discussion: "A network that cannot be read keeps its place with rows of NaN.")

    @Argument(help: "Files of weights in any of the upload formats; '-' is standard input.")
    var files: [String]

    @Option(help: "The file to write: .npy (one array) or .safetensors (the array and the files' names).")
    var output: String

    @OptionGroup var selection: ModelSelection
    @OptionGroup var conventions: ConventionOptions
    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard output.hasSuffix(".npy") || output.hasSuffix(".safetensors") else {
            throw ValidationError("--output: expected a name ending in .npy or .safetensors, received '\(output)'")
        }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let convention = try conventions.resolve()
        let model = try selection.load()
        guard let shape = model.latentShape else { throw CommandFailure("model '\(model.name)' has no encoder") }
        let count = shape.reduce(1, *)
        var values: [Float] = []
        var names: [String] = []
        let run = BatchRun(model: model, operation: .encode, convention: convention, pool: pool)
        let failures = try run(files) { answer in
            values += (try? answer.values.get()) ?? [Float](repeating: .nan, count: count)
            names.append(answer.index == 0 ? answer.path : "\(answer.path)[\(answer.index)]")
        }
        try write(Tensor(shape: [names.count] + shape, values: values), names, model)
        if failures > 0 { throw ExitCode(1) }
    }

    private func write(_ latents: Tensor, _ names: [String], _ model: ServedModel) throws {
        let bytes: [UInt8]
        if output.hasSuffix(".npy") {
            bytes = NPYWriter.write(latents)
        } else {
            var state = StateDict([NamedTensor(name: "latents", tensor: latents)])
            var list = JSONWriter()
            list.array(names) { writer, name in writer.value(name) }
            state.metadata = [
                "files": String(decoding: list.bytes, as: UTF8.self), "model": model.name,
                "version": model.version, "sha256": model.sha256,
            ]
            bytes = SafetensorsWriter.write(state)
        }
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
        } catch {
            throw CommandFailure("cannot write '\(output)': \(error.localizedDescription)")
        }
    }
}
