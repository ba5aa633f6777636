import ArgumentParser
import Engine
import Foundation
import ModelStore
import Models

/// The option for the one model that a command uses.
struct ModelSelection: ParsableArguments {
    @OptionGroup var sources: ModelSourceOptions

    @Option(help: "Name of the model. (default: the first that can answer, those of --models before the embedded ones)")
    var model: String?

    /// - Parameter model: the path of a model folder or of a run, or the name of an embedded model.
    static func load(folderOrName model: String) throws -> ServedModel {
        if let folder = ModelSources.folder(at: URL(fileURLWithPath: model)) { return try ModelSources.load(folder) }
        return try ModelSelection.parse(["--model", model]).load()
    }

    /// The named model or, without a name, the first that offers `output`; the first of all where `output` is nil.
    func load(offering output: Output? = nil) throws -> ServedModel {
        var settings = Settings()
        let folders = try sources.resolve(&settings).foldersByPreference()
        guard let model else {
            guard let first = folders.first else {
                throw CommandFailure("no models are found; name a folder with --models")
            }
            let model = try ModelSources.load(first)
            guard let output, !model.offers(output) else { return model }
            for folder in folders.dropFirst() {
                let other = try ModelSources.load(folder)
                if other.offers(output) { return other }
            }
            return model
        }
        let names = folders.map { ModelSources.name(of: $0) }
        guard let index = names.firstIndex(of: model) else {
            throw CommandFailure(
                "no model is named '\(model)'; found: \(names.compactMap { $0 }.joined(separator: ", "))")
        }
        return try ModelSources.load(folders[index])
    }
}

/// Why a command failed, in one line.
struct CommandFailure: Error, CustomStringConvertible, LocalizedError {
    let description: String
    var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}

/// The number of threads that compute.
struct ThreadOption: ParsableArguments {
    @Option(help: "Threads that compute. (default: one for each processor)")
    var threads: Int?

    func resolve(_ settings: inout Settings) throws -> Int {
        try settings.value(
            "threads", threads, default: WorkerPool.availableProcessors, isValid: { (1...1024).contains($0) },
            expected: "a whole number from 1 to 1024")
    }
}
