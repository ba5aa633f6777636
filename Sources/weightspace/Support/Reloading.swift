import Foundation
import Host
import InferenceService
import Logging
import Synchronization

/// Loads models at the start, and models and keys again on SIGHUP or `POST /admin/reload`.
final class Reloading: Sendable {
    let access: AccessControl
    private let loader: ModelLoader
    private let manager: ServiceManager
    private let keysFile: String?
    private let logger: Logger
    private let failures = Atomic(0)

    init(
        loader: ModelLoader, manager: ServiceManager, keysFile: String?, access: AccessControl, logger: Logger
    ) {
        self.loader = loader
        self.manager = manager
        self.keysFile = keysFile
        self.access = access
        self.logger = logger
    }

    /// The number of folders and files that could not be read in the last load.
    var failureCount: Int { failures.load(ordering: .relaxed) }

    /// Loads the models for the first time.
    /// - Throws: when no model, or not the default model, can be loaded.
    func start(unless isCancelled: () -> Bool) throws -> ReloadReport {
        let report = try loader.load(unless: isCancelled)
        failures.store(report.failures.count, ordering: .relaxed)
        return report
    }

    /// Loads keys and models again. Keys and models that cannot be read stay as they were.
    func run() -> ReloadReport {
        manager.tell(.reloading)
        let keyFailures = reloadKeys()
        var report = reloadModels()
        report.failures = keyFailures + report.failures
        failures.store(report.failures.count, ordering: .relaxed)
        let metadata: Logger.Metadata = [
            "models": logged(report.models.count), "failures": logged(report.failures.count),
        ]
        logger.log(level: report.failures.isEmpty ? .info : .error, "reloaded", metadata: metadata)
        manager.tell(.ready, .status(report.summary))
        return report
    }

    private func reloadKeys() -> [String] {
        guard let keysFile else { return [] }
        do {
            access.replace(keys: try KeysFile.read(keysFile))
            return []
        } catch {
            logger.error("keys not loaded", metadata: ["reason": "\(reason(error))"])
            return [reason(error)]
        }
    }

    /// Loads models again; where none can be loaded, the models stay as they were.
    private func reloadModels() -> ReloadReport {
        do {
            return try loader.load()
        } catch {
            logger.error("models not loaded", metadata: ["reason": "\(reason(error))"])
            return ReloadReport(models: loader.identities, failures: [reason(error)])
        }
    }
}

/// The file of `--keys`.
enum KeysFile {
    static func read(_ path: String) throws -> APIKeys {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw FileError(.read, path, error)
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw CommandFailure("the keys in '\(path)' are not UTF-8")
        }
        do {
            return try APIKeys(text)
        } catch {
            throw CommandFailure("keys in '\(path)', \(error)")
        }
    }
}
