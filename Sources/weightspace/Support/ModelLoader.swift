import Engine
import Foundation
import InferenceService
import Logging
import ModelStore
import Models
import Synchronization

/// Loads the model folders and, when asked to, loads them again while their models are served.
final class ModelLoader: Sendable {
    private struct Served {
        /// The path of `--models`, or that of the embedded models.
        let directory: String
        /// The model folder within it.
        let folder: String
        let model: ServedModel
    }

    private struct State {
        var served: [Served] = []
        /// The name of the model that answers where a request names none; nil before the first load.
        var defaultName: String?
    }

    private let sources: ModelSources
    /// As `--default-model` names it.
    private let requestedDefault: String?
    private let pool: WorkerPool
    private let registry: ModelRegistry
    private let logger: Logger
    private let state = Mutex(State())

    init(_ configuration: ServeConfiguration, registry: ModelRegistry, logger: Logger) {
        sources = configuration.models
        requestedDefault = configuration.defaultModel
        pool = WorkerPool(threads: configuration.service.threads)
        self.registry = registry
        self.logger = logger
    }

    /// Checks what can be checked without loading parameters.
    /// - Throws: where a folder cannot be read or holds no model folder, or none has the name of the default model.
    func check() throws {
        let names = try sources.folders().compactMap { ModelSources.name(of: $0) }
        guard let requestedDefault, !names.contains(requestedDefault) else { return }
        throw CommandFailure(
            "--default-model: no model is named '\(requestedDefault)'; found: \(names.joined(separator: ", "))")
    }

    /// Serves what the folders hold now. A path or folder that cannot be loaded is left out or, if it was served before,
    /// served as it was; unchanged models are kept. Requests that are being computed keep the model they began with.
    ///
    /// The default model stays the same as long as there is one of its name; without `--default-model` it is the first
    /// one of the first load.
    ///
    /// - Parameter isCancelled: asked between folders.
    /// - Throws: when there is nothing to serve, or not the default model; what was served before still is.
    func load(unless isCancelled: () -> Bool = { false }) throws -> ReloadReport {
        let before = state.withLock { $0 }
        var loaded: [Served] = []
        var seen: Set<String> = []
        var failures: [String] = []
        func report(_ failure: String) {
            failures.append(failure)
            logger.error("model not loaded", metadata: ["reason": "\(failure)"])
        }
        for directory in try sources.directories() {
            let folders: [URL]
            do {
                folders = try ModelSources.folders(in: directory)
            } catch {
                report(reason(error))
                loaded += before.served.filter { $0.directory == directory }
                continue
            }
            for folder in folders where !isCancelled() && seen.insert(ModelSources.identity(folder)).inserted {
                let previous = before.served.first { $0.folder == folder.path }
                do {
                    let model = try load(folder, previous: previous?.model, beside: loaded.map(\.model))
                    loaded.append(Served(directory: directory, folder: folder.path, model: model))
                } catch {
                    report(reason(error))
                    if let previous { loaded.append(previous) }
                }
            }
        }
        if isCancelled() { throw CommandFailure("stopped while models were being loaded") }
        if let requestedDefault, !loaded.contains(where: { $0.model.name == requestedDefault }) {
            guard let previous = before.served.first(where: { $0.model.name == requestedDefault }) else {
                let reasons = [failures.joined(separator: "; ")].filter { !$0.isEmpty }
                throw CommandFailure((["no default model '\(requestedDefault)'"] + reasons).joined(separator: ": "))
            }
            report("the default model '\(requestedDefault)' is in no folder any more; it is served as it was")
            loaded.append(previous)
        }
        guard let first = loaded.first else { throw CommandFailure(failures.joined(separator: "; ")) }
        let names = loaded.map(\.model.name)
        let name = [requestedDefault, before.defaultName].compactMap { $0 }.first(where: names.contains)
        let defaultName = name ?? first.model.name
        state.withLock { $0 = State(served: loaded, defaultName: defaultName) }
        // The registry's first model is the default one.
        let models = loaded.map(\.model)
        registry.publish(models.filter { $0.name == defaultName } + models.filter { $0.name != defaultName })
        return ReloadReport(models: identities, failures: failures)
    }

    /// What is served.
    var identities: [ModelIdentity] { registry.models.map(ModelIdentity.init) }

    private func load(_ folder: URL, previous: ServedModel?, beside others: [ServedModel]) throws -> ServedModel {
        let model = try ModelSources.load(folder)
        guard !others.contains(where: { $0.name == model.name && $0.version == model.version }) else {
            throw CommandFailure(
                """
                model folder '\(folder.path)': model '\(model.name)' version '\(model.version)' is served from another \
                folder
                """)
        }
        if let previous, previous.sha256 == model.sha256 { return previous }
        try model.warmUp(pool)
        logger.info(
            "model loaded",
            metadata: ["model": "\(model.name)", "version": "\(model.version)", "folder": "\(folder.path)"])
        return model
    }
}
