import Engine
import Foundation
import InferenceService
import Logging
import ModelStore
import Models
import Synchronization

/// Loads the model folders at the start, and again on request while their models are served.
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
    /// The value of `--default-model`.
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

    /// Checks the folders without loading parameters.
    /// - Throws: where a folder cannot be read or holds no model folder, or no model has the name of `--default-model`.
    func check() throws {
        let names = try sources.folders().compactMap { ModelSources.name(of: $0) }
        guard let requestedDefault, !names.contains(requestedDefault) else { return }
        throw CommandFailure(
            "--default-model: no model is named '\(requestedDefault)'; found: \(names.joined(separator: ", "))")
    }

    /// Loads the folders as they are now and serves their models. Unchanged models are kept. Where a path or folder
    /// cannot be loaded, its models of the last load are served on, if there are any. Requests that are being computed
    /// keep the model they began with.
    ///
    /// The default model is that of `--default-model` or, without it, the first one of the first load; it stays the
    /// same as long as there is a model of its name.
    ///
    /// - Parameter isCancelled: asked between folders; when it returns true, the load is abandoned with an error.
    /// - Throws: when there is no model at all, or no default model. What was served before is then still served.
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
            report(
                "the default model '\(requestedDefault)' is in none of the folders; the version that was loaded before is served"
            )
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

    /// The served models.
    var identities: [ModelIdentity] { registry.models.map(ModelIdentity.init) }

    /// Loads and warms up one model, or returns `previous` where its files are the same.
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
