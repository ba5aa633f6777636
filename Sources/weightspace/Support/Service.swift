import Dispatch
import Engine
import Foundation
import Glibc
import HTTPServer
import InferenceService
import Logging
import ModelStore
import Synchronization

/// The running service: from an open port over ready models to an orderly end.
final class Service: Sendable {
    private let configuration: ServeConfiguration
    private let logger = Logger(label: "weightspace")
    private let registry = ModelRegistry()
    private let queue: ModelQueue
    private let server: Server
    private let ending = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)
    /// Why the process ends other than well.
    private let failure = Mutex<CommandFailure?>(nil)

    init(_ configuration: ServeConfiguration) throws {
        self.configuration = configuration
        let build = Weightspace.build
        let metrics = ServiceMetrics(build: build)
        queue = try ModelQueue(configuration.service, metrics: metrics)
        let handler = try ServiceHandler(
            configuration.service, registry: registry, queue: queue, metrics: metrics, version: build, logger: logger)
        server = try Server(configuration: configuration.server, handler: handler, logger: logger)
        metrics.gauges.readConnections { [weak server] in ["open": server?.connectionCount ?? 0] }
    }

    /// Serves until a signal ends it. The port is open before the models are loaded, so that probes get answers.
    func run() throws {
        let signals = SignalWatcher([SIGTERM, SIGINT]) { [self] signal in end(signal) }
        do {
            let address = try server.start()
            print("listening on http://\(address)")
            try? FileHandle.standardOutput.synchronize()
            fflush(nil)
        } catch {
            throw CommandFailure(error.description)
        }
        // Away from this thread, which must be free to end the process while models are still being loaded.
        DispatchQueue(label: "load").async { [self] in
            do {
                try loadModels()
            } catch {
                fail(CommandFailure(reason(error)))
                ended.signal()
            }
        }
        let housekeeping = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "housekeeping"))
        housekeeping.setEventHandler { [queue] in queue.expireOverdue() }
        housekeeping.schedule(deadline: .now(), repeating: .milliseconds(50))
        housekeeping.activate()
        ended.wait()
        housekeeping.cancel()
        signals.cancel()
        LogSink.standardError.flush()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private func fail(_ reason: CommandFailure) {
        failure.withLock { $0 = $0 ?? reason }
    }

    /// A folder that cannot be loaded is reported and left out; with none left there is nothing to serve.
    private func loadModels() throws {
        let folders = try ModelSelection.folders(in: try ModelSelection.directory(configuration.models))
        let pool = WorkerPool(threads: configuration.service.threads)
        var models: [ServedModel] = []
        var reasons: [String] = []
        for folder in folders {
            if ending.withLock({ $0 }) { return }
            do {
                let model = try ModelFolder.load(folder)
                if models.contains(where: { $0.name == model.name && $0.version == model.version }) {
                    throw ModelFolderError(
                        folder: folder.lastPathComponent,
                        reason: "model '\(model.name)' version '\(model.version)' is served from another folder")
                }
                try model.warmUp(pool)
                models.append(model)
                logger.info("model loaded", metadata: ["model": "\(model.name)", "version": "\(model.version)"])
            } catch {
                reasons.append(reason(error))
                logger.error("model not loaded", metadata: ["reason": "\(reason(error))"])
            }
        }
        guard !models.isEmpty else { throw CommandFailure(reasons.joined(separator: "; ")) }
        registry.publish(models)
        logger.info("ready", metadata: ["models": "\(models.count)"])
    }

    /// The first signal drains; a second one ends at once.
    private func end(_ signal: Int32) {
        let isFirst = ending.withLock { isEnding in
            defer { isEnding = true }
            return !isEnding
        }
        guard isFirst else {
            logger.warning("second signal, ending at once")
            LogSink.standardError.flush()
            exit(1)
        }
        logger.info("stopping", metadata: ["signal": "\(signal)"])
        registry.beginDraining()
        server.drain(deadline: configuration.drainTimeout) { [self] report in
            if report.cut > 0 {
                logger.error("drain timeout", metadata: ["cut": "\(report.cut)"])
                fail(CommandFailure("the drain timeout cut \(report.cut) connections short"))
            }
            ended.signal()
        }
    }
}
