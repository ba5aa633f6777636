import Foundation
import InferenceService
import Logging
import Systemd

/// Brings models and keys up to date while the service goes on, at a signal or a request.
struct Reloading: Sendable {
    let loader: ModelLoader
    let manager: ServiceManager
    let keysFile: String?
    let access: AccessControl
    let logger: Logger

    func run() -> ReloadReport {
        manager.tell(.reloading)
        defer { manager.tell(.ready) }
        let keyFailures = reloadKeys()
        var report = reloadModels()
        report.failures = keyFailures + report.failures
        let metadata: Logger.Metadata = ["models": "\(report.models.count)", "failures": "\(report.failures.count)"]
        logger.log(level: report.failures.isEmpty ? .info : .error, "reloaded", metadata: metadata)
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
