import Engine
import Foundation
import InferenceService
import Logging
import ModelStore
import Synchronization

/// Loads the model folders and, when asked to, loads them again beside those that are served.
final class ModelLoader: Sendable {
    private let directory: String?
    private let pool: WorkerPool
    private let registry: ModelRegistry
    private let logger: Logger
    /// What is served, by the folder it came from.
    private let served = Mutex<[(folder: String, model: ServedModel)]>([])

    init(_ configuration: ServeConfiguration, registry: ModelRegistry, logger: Logger) {
        directory = configuration.models
        pool = WorkerPool(threads: configuration.service.threads)
        self.registry = registry
        self.logger = logger
    }

    /// Serves what the folders hold now. A folder that cannot be loaded is left out or, if it was served before, served
    /// as it was; models that are unchanged stay as they are. Requests under way keep the model they began with.
    ///
    /// - Parameter isCancelled: asked between folders.
    /// - Throws: when nothing can be served; what was served before still is.
    func load(unless isCancelled: () -> Bool = { false }) throws -> ReloadReport {
        let folders = try ModelSelection.folders(in: try ModelSelection.directory(directory))
        let before = served.withLock { $0 }
        var loaded: [(folder: String, model: ServedModel)] = []
        var failures: [String] = []
        for folder in folders where !isCancelled() {
            let name = folder.lastPathComponent
            let previous = before.first { $0.folder == name }?.model
            do {
                let model = try load(folder, previous: previous, beside: loaded.map(\.model))
                loaded.append((name, model))
            } catch {
                failures.append(reason(error))
                logger.error("model not loaded", metadata: ["reason": "\(reason(error))"])
                if let previous { loaded.append((name, previous)) }
            }
        }
        if isCancelled() { throw CommandFailure("stopped while models were being loaded") }
        guard !loaded.isEmpty else { throw CommandFailure(failures.joined(separator: "; ")) }
        served.withLock { $0 = loaded }
        registry.publish(loaded.map(\.model))
        return ReloadReport(models: identities, failures: failures)
    }

    /// What is served.
    var identities: [ModelIdentity] { registry.models.map(ModelIdentity.init) }

    private func load(_ folder: URL, previous: ServedModel?, beside others: [ServedModel]) throws -> ServedModel {
        let model = try ModelFolder.load(folder)
        guard !others.contains(where: { $0.name == model.name && $0.version == model.version }) else {
            throw ModelFolderError(
                folder: folder.lastPathComponent,
                reason: "model '\(model.name)' version '\(model.version)' is served from another folder")
        }
        if let previous, previous.sha256 == model.sha256 { return previous }
        try model.warmUp(pool)
        logger.info("model loaded", metadata: ["model": "\(model.name)", "version": "\(model.version)"])
        return model
    }
}
