import ArgumentParser
import Foundation
import Host
import InferenceService
import ModelStore
import Models
import Networks
import SIREN
import Uploads
import WeightFormats

/// `weightspace edit FILE… --edits rotate:30 --output FILE`
struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Edits the picture that a network draws, and writes the network's weights.",
        discussion: """
            Steps of --edits have commas between and are done from left to right: \
            \(EditStep.exactForms.joined(separator: ", ")), and NAME or NAME:AMOUNT of an edit that a model has learned. \
            blend makes one network of two. What is written has the names, shapes and element types of the file. Without \
            --output, a JSON object for each network is printed.
            """)

    @Argument(help: "Files of weights in any of the upload formats, or folders of them; '-' is standard input.")
    var files: [String]

    @Option(help: "The steps, such as rotate:30,contrast:1.5.")
    var edits: String

    @Option(
        help:
            "The file to write, by its ending: .safetensors, .npz, .pt or .pth, .json, or .png for the picture. For several files, a folder."
    )
    var output: String?

    @Option(help: "The format of the files in a folder: safetensors, npz, pt, json or png.")
    var format = EditFormat.safetensors

    @Option(help: "The rows and columns of the picture, in pixels.")
    var size = 28

    @OptionGroup var selection: ModelSelection
    @OptionGroup var notation: NotationOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threads: ThreadOption

    func validate() throws {
        let steps = try steps()
        try checkBounds("--size", size, 1...4096)
        guard let output else { return }
        guard let format = EditFormat(endingOf: output) else { return try checkFolder(output) }
        let isBlend = steps.first.map { $0.name == "blend" } ?? false
        guard files.count == 1 || isBlend else {
            throw ValidationError(
                "--output: expected the name of a folder for \(files.count) files, received '\(output)' of format \(format.rawValue)"
            )
        }
    }

    /// Refuses a name with an ending of no known format, unless it is a folder's.
    private func checkFolder(_ output: String) throws {
        let name = output.split(separator: "/").last ?? ""
        guard !output.hasSuffix("/"), name.dropFirst().contains("."), !Folder.exists(at: output) else { return }
        throw ValidationError(
            "--output: expected a name ending in .safetensors, .npz, .pt, .pth, .json or .png, or a folder's (ending in / where it is new and has a dot), received '\(output)'"
        )
    }

    private func steps() throws -> [EditStep] {
        do throws(EditStepError) {
            return try EditStep.list(edits)
        } catch {
            throw ValidationError("--edits: expected \(error.expected), received \(error.received)")
        }
    }

    func run() throws {
        var settings = Settings()
        let editing = try NetworkEditing(
            steps: steps(), claims: notation.claims(), reading: reading, selection: selection,
            threads: threads.resolve(&settings))
        // Two networks that are blended are one file from here on.
        let results = try editing(try FileList(files).paths)
        try checkNames(of: results.map(\.path))
        var failures = 0
        for file in results {
            var edited: [EditedNetwork] = []
            for (index, network) in file.networks.enumerated() {
                switch network {
                case .success(let network): edited.append(network)
                case .failure(let failure):
                    failures += 1
                    Terminal.complain("\(file.name(index)): \(failure.code): \(failure.detail)")
                }
            }
            guard edited.count == file.networks.count else { continue }
            do {
                try write(edited, of: file)
                // Lines of JSON have them as a member.
                guard output != nil else { continue }
                for (index, network) in edited.enumerated() {
                    for warning in network.reading.warnings { Terminal.complain("\(file.name(index)): \(warning)") }
                }
            } catch let error as FileError {
                throw error
            } catch {
                failures += 1
                Terminal.complain("\(file.path): \(reason(error))")
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func write(_ networks: [EditedNetwork], of file: EditedFile) throws {
        guard let output else {
            for (index, network) in networks.enumerated() { print(try json(network, of: file, index)) }
            return
        }
        if let format = EditFormat(endingOf: output) {
            return try OutputFile.write(try bytes(networks, format), to: output)
        }
        try OutputFile.createFolder(output)
        try OutputFile.write(try bytes(networks, format), to: "\(output)/\(name(of: file.path))")
    }

    /// The name in the folder of `--output` of what becomes of a file.
    private func name(of path: String) -> String {
        let own = path == "-" ? "stdin" : URL(fileURLWithPath: path).lastPathComponent
        let stem = own.contains(".") ? own.split(separator: ".").dropLast().joined(separator: ".") : own
        return "\(stem).\(format.rawValue)"
    }

    /// - Throws: where two files would be written under one name.
    private func checkNames(of paths: [String]) throws {
        guard let output, EditFormat(endingOf: output) == nil else { return }
        for (name, paths) in Dictionary(grouping: paths, by: name) where paths.count > 1 {
            throw CommandFailure(
                "'\(paths[0])' and '\(paths[1])' would both be written to '\(output)/\(name)'; edit them into different folders"
            )
        }
    }

    private func bytes(_ networks: [EditedNetwork], _ format: EditFormat) throws -> [UInt8] {
        guard let first = networks.first else { throw CommandFailure("no networks") }
        let tree = networks.count == 1 && !first.isPartOfBatch ? first.alone : EditedNetwork.together(networks)
        guard let tree else { throw CommandFailure("the networks are of several files") }
        switch format {
        case .png:
            guard networks.count == 1 else {
                throw CommandFailure("a PNG file holds one picture; the file has \(networks.count) networks")
            }
            return try first.network.function().picture(height: size, width: size, sizeLimit: 4096).png()
        case .json:
            try tree.checkRange()
            var writer = JSONWriter()
            writer.value(tree)
            return writer.bytes + [0x0a]
        case .safetensors: return try WeightsFile.safetensors.bytes(tree)
        case .npz: return try WeightsFile.npz.bytes(tree)
        case .pt: return try WeightsFile.pt.bytes(tree)
        }
    }

    private func json(_ network: EditedNetwork, of file: EditedFile, _ index: Int) throws -> String {
        let tree = network.alone
        try tree.checkRange()
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", file.path)
        writer.member("index", index)
        if let name = file.names[index] { writer.member("name", name) }
        writer.edited(network, tree, nil)
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// The form of an edited network on disk.
enum EditFormat: String, ExpressibleByArgument, CaseIterable {
    case safetensors, npz, pt, json, png

    /// By the ending of a name; nil for another ending, which is a folder's.
    init?(endingOf path: String) {
        guard let ending = path.split(separator: "/").last?.split(separator: ".").dropFirst().last else { return nil }
        guard let format = Self(rawValue: ending == "pth" ? "pt" : String(ending)) else { return nil }
        self = format
    }
}
