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
        var failures: [String] = []
        if let keysFile {
            do {
                access.replace(keys: try KeysFile.read(keysFile))
            } catch {
                failures.append(reason(error))
            }
        }
        var report = ReloadReport(models: [], failures: [])
        do {
            report = try loader.load()
        } catch {
            report = ReloadReport(models: loader.identities, failures: [reason(error)])
        }
        report.failures = failures + report.failures
        let metadata: Logger.Metadata = ["models": "\(report.models.count)", "failures": "\(report.failures.count)"]
        logger.log(level: report.failures.isEmpty ? .info : .error, "reloaded", metadata: metadata)
        for failure in failures { logger.error("keys not loaded", metadata: ["reason": "\(failure)"]) }
        return report
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
