import ArgumentParser
import Engine
import Foundation
import ModelStore

/// Which models a command works with.
struct ModelSelection: ParsableArguments {
    @Option(help: "Folder of model folders, or one model folder; the embedded models without it.")
    var models: String?

    @Option(help: "Name of the model; the first one without it.")
    var model: String?

    /// The folder that was named on the command line or in the environment, or the one that came with the program.
    static func directory(_ named: String?) throws -> URL {
        if let path = named ?? ProcessInfo.processInfo.environment[Settings.variable("models")] {
            return URL(fileURLWithPath: path)
        }
        guard let embedded = EmbeddedModels.directory() else {
            throw CommandFailure("the embedded models are not beside the program; name a folder with --models")
        }
        return embedded
    }

    /// The model folders in a directory, at least one.
    static func folders(in directory: URL) throws -> [URL] {
        let folders: [URL]
        do {
            folders = try ModelFolder.candidates(in: directory)
        } catch {
            throw CommandFailure("cannot read '\(directory.path)': \(error.localizedDescription)")
        }
        guard !folders.isEmpty else { throw CommandFailure("no model folder in '\(directory.path)'") }
        return folders
    }

    /// A model folder by its path, or an embedded model by its name.
    static func load(folderOrName model: String) throws -> ServedModel {
        let folder = URL(fileURLWithPath: model)
        if FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path) {
            return try ModelFolder.load(folder)
        }
        return try ModelSelection.parse(["--model", model]).load()
    }

    func load() throws -> ServedModel {
        var names: [String] = []
        for folder in try Self.folders(in: try Self.directory(models)) {
            let served = try ModelFolder.load(folder)
            if model == nil || served.name == model { return served }
            names.append(served.name)
        }
        throw CommandFailure("no model is named '\(model ?? "")'; found: \(names.joined(separator: ", "))")
    }
}

/// Why a command could not do its work, in one line.
struct CommandFailure: Error, CustomStringConvertible, LocalizedError {
    let description: String
    var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}

/// How many threads compute.
struct ThreadOption: ParsableArguments {
    @Option(help: "Threads that compute; as many as there are processors without it.")
    var threads: Int?

    func resolve(_ settings: inout Settings) throws -> Int {
        try settings.value(
            "threads", threads, default: WorkerPool.availableProcessors, isValid: { (1...1024).contains($0) },
            expected: "a whole number from 1 to 1024")
    }
}
