import Foundation
import Host
import InferenceService
import Logging
import Synchronization

/// Loads models, and brings them and the keys up to date while the service goes on, at a signal or a request.
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

    /// What could not be read the last time.
    var failureCount: Int { failures.load(ordering: .relaxed) }

    /// - Throws: when there is nothing to serve.
    func start(unless isCancelled: () -> Bool) throws -> ReloadReport {
        let report = try loader.load(unless: isCancelled)
        failures.store(report.failures.count, ordering: .relaxed)
        return report
    }

    func run() -> ReloadReport {
        manager.tell(.reloading)
        let keyFailures = reloadKeys()
        var report = reloadModels()
        report.failures = keyFailures + report.failures
        failures.store(report.failures.count, ordering: .relaxed)
        let metadata: Logger.Metadata = ["models": "\(report.models.count)", "failures": "\(report.failures.count)"]
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

    /// With nothing to load all stays as it is.
    private func reloadModels() -> ReloadReport {
        do {
            return try loader.load()
        } catch {
            return ReloadReport(models: loader.identities, failures: [reason(error)])
        }
    }
}

/// The file of keys.
enum KeysFile {
    static func read(_ path: String) throws -> APIKeys {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("cannot read the keys in '\(path)'")
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
