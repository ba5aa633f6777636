import ArgumentParser
import Foundation
import Host
import ModelStore
import Tensors
import WeightFormats

/// Which folders models are read from: `--models` and `--no-embedded`.
struct ModelSourceOptions: ParsableArguments {
    @Option(
        help: """
            A model folder, a run of 'train', or a folder of those; repeat for several. They are added to the embedded \
            models.
            """)
    var models: [String] = []

    @Flag(help: "Leave the embedded models out.")
    var noEmbedded = false

    func resolve(_ settings: inout Settings) throws -> ModelSources {
        let sources = ModelSources(
            paths: try settings.list("models", models),
            includesEmbedded: !(try settings.flag("no-embedded", noEmbedded)))
        guard sources.includesEmbedded || !sources.paths.isEmpty else {
            throw ValidationError("--no-embedded: no models are left; name some with --models")
        }
        return sources
    }
}

/// The folders that models are read from.
struct ModelSources: Sendable {
    /// As they were named; each one a model folder, a run's folder or a folder of those.
    var paths: [String] = []
    var includesEmbedded = true

    /// All model folders, each once: the embedded ones first, so that a folder that is added changes no default, then
    /// those of every path, in the natural order of their names.
    /// - Throws: where a path cannot be read or holds no model folder.
    func folders() throws -> [URL] { try unique(directories()) }

    /// The same, with the embedded ones last: for commands that use one model, by default the first of the named ones.
    func foldersByPreference() throws -> [URL] { try unique(paths + embedded()) }

    /// What `folders` looks through: the directory of the embedded models and the paths.
    func directories() throws -> [String] { try embedded() + paths }

    private func embedded() throws -> [String] {
        guard includesEmbedded else { return [] }
        if let directory = EmbeddedModels.directory() { return [directory.path] }
        guard !paths.isEmpty else {
            throw CommandFailure("the embedded models are not beside the program; name a folder with --models")
        }
        return []
    }

    private func unique(_ directories: [String]) throws -> [URL] {
        var seen: Set<String> = []
        return try directories.flatMap { try Self.folders(in: $0) }.filter { seen.insert(Self.identity($0)).inserted }
    }

    /// The same for all paths of one folder.
    static func identity(_ folder: URL) -> String { folder.resolvingSymlinksInPath().path }

    /// The model folder at `path`: itself, or the `model` folder of a run.
    static func folder(at path: URL) -> URL? {
        [path, path.appendingPathComponent("model")].first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("config.json").path)
        }
    }

    /// The model folders of one path.
    static func folders(in path: String) throws -> [URL] {
        let directory = URL(fileURLWithPath: path)
        if let folder = folder(at: directory) { return [folder] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw FileError(.read, path, error)
        }
        let folders = names.sorted(by: naturallyPrecedes).compactMap {
            folder(at: directory.appendingPathComponent($0))
        }
        guard !folders.isEmpty else { throw CommandFailure("no model folder in '\(path)'") }
        return folders
    }

    /// The model's name as `config.json` has it; nil where it cannot be read.
    static func name(of folder: URL) -> String? {
        let file = folder.appendingPathComponent("config.json").path
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        return try? JSONValue.parse([UInt8](data), limits: .checkpoint)["name"]?.string
    }

    /// Loads a model folder. Errors name the whole path: the folders of all runs are called `model`.
    static func load(_ folder: URL) throws -> ServedModel {
        do {
            return try ModelFolder.load(folder)
        } catch {
            throw CommandFailure("model folder '\(folder.path)': \(error.reason)")
        }
    }
}
