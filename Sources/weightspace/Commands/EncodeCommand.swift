import ArgumentParser
import Engine
import ModelStore
import Models
import WeightFormats

/// `weightspace encode FILE… --output latents.npy`
struct EncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode", abstract: "Writes the latent arrays of networks to one file.",
        discussion: """
            The rows of a network that cannot be read are NaN. With --shard I/N, a run encodes one of N parts of the \
            files into a file of its own in the folder --output, so that several machines can share the work. The same \
            command continues a run that was killed.
            """)

    @Argument(help: "Files of weights in any of the upload formats, or folders of them; '-' is standard input.")
    var files: [String]

    @Option(
        help:
            "The file to write, .npy (the array alone) or .safetensors (with the files' names); a folder with --shard."
    )
    var output: String

    @Option(help: "I/N: encode only part I of N of the files, I from 0.")
    var shard: String?

    @OptionGroup var selection: ModelSelection
    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var certifying: CertifyOptions
    @OptionGroup var threads: ThreadOption

    func validate() throws {
        if let shard {
            guard EncodingShard(shard) != nil else {
                throw ValidationError("--shard: expected I/N with I from 0 to N - 1, received '\(shard)'")
            }
            guard !output.hasSuffix(".npy"), !output.hasSuffix(".safetensors") else {
                throw ValidationError("--output: expected the name of a folder beside --shard, received '\(output)'")
            }
            guard certifying.certify == nil else {
                throw ValidationError("--certify: expected without --shard, which prints nothing")
            }
            guard !files.contains("-") else {
                throw ValidationError("--shard: standard input cannot be cut into parts")
            }
        } else if !output.hasSuffix(".npy"), !output.hasSuffix(".safetensors") {
            throw ValidationError("--output: expected a name ending in .npy or .safetensors, received '\(output)'")
        }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let claims = try notation.claims()
        let model = try selection.load(offering: .latents)
        guard let shape = model.shape(of: .latents) else {
            throw CommandFailure("model '\(model.name)' has no encoder")
        }
        let run = BatchRun(
            model: model, output: .latents, claims: claims, reading: reading, pool: pool,
            certification: certifying.certification)
        let files = try FileList(files).paths
        let failures: Int
        if let shard = shard.flatMap(EncodingShard.init) {
            failures = try shard.encode(files, into: output, with: run, shape: shape)
        } else {
            var latents = LatentsFile(shape: shape)
            failures = try run(files) { answer in
                latents.append(answer)
                if let drift = answer.drift { print("\(answer.name)  \(drift.text)") }
            }
            let bytes = output.hasSuffix(".npy") ? NPYWriter.write(latents.tensor) : latents.safetensors(model)
            try OutputFile.write(bytes, to: output)
        }
        if failures > 0 { throw ExitCode(1) }
    }
}
