import ArgumentParser
import Foundation
import Host
import ModelStore
import Tensors
import WeightFormats

/// The options `--models` and `--no-embedded`.
struct ModelSourceOptions: ParsableArguments {
    @Option(
        help: """
            A model folder, the folder of a run of 'train', or a folder of such folders; repeat for several. Their models \
            are added to the embedded ones.
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
    /// The values of `--models`, each a model folder, a run's folder or a folder of those.
    var paths: [String] = []
    var includesEmbedded = true

    /// All model folders, each once: the embedded ones, then those of every path, in natural order of their names. The
    /// first one is the default, so adding a folder does not change it.
    /// - Throws: where a path cannot be read or holds no model folder.
    func folders() throws -> [URL] { try unique(directories()) }

    /// The same folders with the embedded ones last, for commands that use one model: its default is the first of
    /// `--models`.
    func foldersByPreference() throws -> [URL] { try unique(paths + embedded()) }

    /// The directories that `folders` searches: that of the embedded models and the paths.
    func directories() throws -> [String] { try embedded() + paths }

    private func embedded() throws -> [String] {
        guard includesEmbedded else { return [] }
        if let directory = EmbeddedModels.directory() { return [directory.path] }
        guard !paths.isEmpty else {
            throw CommandFailure("the embedded models are not installed with the program; name a folder with --models")
        }
        return []
    }

    private func unique(_ directories: [String]) throws -> [URL] {
        var seen: Set<String> = []
        return try directories.flatMap { try Self.folders(in: $0) }.filter { seen.insert(Self.identity($0)).inserted }
    }

    /// A name that is equal for all paths to one folder: the path without symbolic links.
    static func identity(_ folder: URL) -> String { folder.resolvingSymlinksInPath().path }

    /// The model folder at `path`: itself, or the folder `model` of a run; nil where there is neither.
    static func folder(at path: URL) -> URL? {
        [path, path.appendingPathComponent("model")].first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("config.json").path)
        }
    }

    /// The model folders at and directly below one path.
    /// - Throws: where the path cannot be read or there is no model folder.
    static func folders(in path: String) throws -> [URL] {
        let directory = URL(fileURLWithPath: path)
        if let folder = folder(at: directory) { return [folder] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw FileError(.read, path, error)
        }
        var order = names.sorted(by: naturallyPrecedes)
        if identity(directory) == EmbeddedModels.directory().map(identity) { order = EmbeddedModels.ordered(order) }
        let folders = order.compactMap {
            folder(at: directory.appendingPathComponent($0))
        }
        guard !folders.isEmpty else { throw CommandFailure("no model folder in '\(path)'") }
        return folders
    }

    /// The model's name in `config.json`; nil where that cannot be read.
    static func name(of folder: URL) -> String? {
        let file = folder.appendingPathComponent("config.json").path
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        return try? JSONValue.parse([UInt8](data), limits: .checkpoint)["name"]?.string
    }

    /// Loads a model folder. Errors have its whole path, since the model folders of all runs are called `model`.
    static func load(_ folder: URL) throws -> ServedModel {
        do {
            return try ModelFolder.load(folder)
        } catch {
            throw CommandFailure("model folder '\(folder.path)': \(error.reason)")
        }
    }
}
