import ArgumentParser
import Foundation
import Host
import InferenceService
import ModelStore
import Models
import Networks
import SIREN
import Uploads

/// `weightspace render FILE --output net.png`
struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "Draws the picture that a SIREN represents, as PNG.")

    @Argument(help: "A file of weights; '-' is standard input.")
    var file: String

    @Option(help: "The PNG file to write.")
    var output: String

    @Option(help: "The picture's height in pixels.")
    var height = 28

    @Option(help: "The picture's width in pixels.")
    var width = 28

    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions

    func validate() throws {
        guard output.hasSuffix(".png") else {
            throw ValidationError("--output: expected a name ending in .png, received '\(output)'")
        }
        guard (1...Self.longestSide).contains(height), (1...Self.longestSide).contains(width) else {
            throw ValidationError(
                "--height and --width: expected 1 to \(Self.longestSide), received \(height) and \(width)")
        }
    }

    private static let longestSide = 4096

    func run() throws {
        let claims = try notation.claims()
        let upload = UploadFile(file, expecting: nil, readsFunctions: true, reading)
        guard upload.networks.count == 1 else {
            throw CommandFailure("'\(file)' holds \(upload.networks.count) networks; one can be drawn at a time")
        }
        do {
            let network = try upload.networks[0].get()
            let prepared = PreparedNetwork(drawing: network.weights, claims, context: network.context)
            let picture = try prepared.picture(height: height, width: width, sizeLimit: Self.longestSide)
            try OutputFile.write(try picture.png(), to: output)
        } catch let error as FileError {
            throw error
        } catch {
            throw CommandFailure("\(file): \(reason(error))")
        }
    }
}
