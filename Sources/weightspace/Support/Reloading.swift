import Foundation
import Host
import InferenceService
import Logging
import Synchronization

/// Loads models, and on SIGHUP or `POST /admin/reload` loads models and keys again while the service runs.
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

    /// How many folders and files could not be read the last time.
    var failureCount: Int { failures.load(ordering: .relaxed) }

    /// - Throws: when there is nothing to serve.
    func start(unless isCancelled: () -> Bool) throws -> ReloadReport {
        let report = try loader.load(unless: isCancelled)
        failures.store(report.failures.count, ordering: .relaxed)
        return report
    }

    /// Loads everything again. What cannot be read stays as it was.
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

    /// Where there is nothing to load, the models stay as they are.
    private func reloadModels() -> ReloadReport {
        do {
            return try loader.load()
        } catch {
            logger.error("models not loaded", metadata: ["reason": "\(reason(error))"])
            return ReloadReport(models: loader.identities, failures: [reason(error)])
        }
    }
}

/// The file of keys.
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
