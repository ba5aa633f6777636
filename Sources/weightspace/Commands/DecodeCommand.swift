import ArgumentParser
import Engine
import Foundation
import Host
import InferenceService
import ModelStore
import Models
import SIREN
import Uploads
import WeightFormats

/// `weightspace decode latents.npy --output pictures`
struct DecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode", abstract: "Draws the pictures that a model decodes from latent arrays, as PNG.",
        discussion: """
            Reads what 'encode' writes, answers of /v1/encode, and arrays of the shape (latents, width) or (n, latents, width) \
            as .npy, .npz, safetensors or JSON. With one latent array, or --blend, --output is a file that ends in .png; with \
            several it is a folder, in which the pictures are numbered.
            """)

    @Argument(help: "Files of latent arrays; '-' is standard input.")
    var files: [String]

    @Option(help: "The PNG file to write; a folder for several pictures.")
    var output: String

    @Option(help: "The pictures' height and width in pixels. (default: those of the model's pictures)")
    var size: Int?

    @Option(help: "Draw (1 - W) times the first plus W times the second of two latent arrays, W from 0 to 1.")
    var blend: Double?

    @OptionGroup var selection: ModelSelection
    @OptionGroup var threads: ThreadOption

    private static let longestSide = 4096

    func validate() throws {
        if let size, !(1...Self.longestSide).contains(size) {
            throw ValidationError("--size: expected 1 to \(Self.longestSide), received \(size)")
        }
        if let blend, !(0...1).contains(blend) {
            throw ValidationError("--blend: expected a number from 0 to 1, received \(blend)")
        }
    }

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        let model = try selection.load(offering: .picture)
        guard let shape = model.decodedLatents, let own = model.input.image else {
            throw CommandFailure("model '\(model.name)' draws no pictures from latents")
        }
        var latents: [Latents] = []
        for file in files {
            do {
                latents += try LatentSearch(try UploadFile.upload(file)).latents(shape)
            } catch {
                throw CommandFailure("\(file): \(reason(error))")
            }
        }
        if let blend {
            guard latents.count == 2 else {
                throw CommandFailure("--blend: expected two latent arrays, received \(latents.count)")
            }
            latents = [latents[0].blended(with: latents[1], share: blend)]
        }
        let isFile = output.hasSuffix(".png")
        guard isFile == (latents.count == 1) else {
            throw CommandFailure(
                isFile
                    ? "--output: expected a folder for \(latents.count) pictures, received '\(output)'"
                    : "--output: expected a name ending in .png for one picture, received '\(output)'")
        }
        let image = ImageShape(height: size ?? own.height, width: size ?? own.width, channels: own.channels)
        if !isFile { try OutputFile.createFolder(output) }
        let digits = String(latents.count - 1).count
        for (index, latents) in latents.enumerated() {
            guard case .picture(let picture)? = try model.run(.picture, [.latents(latents, image)], pool).first else {
                continue
            }
            let number = String(index)
            let name = String(repeating: "0", count: digits - number.count) + number + ".png"
            try OutputFile.write(try picture.png(), to: isFile ? output : "\(output)/\(name)")
        }
    }
}
