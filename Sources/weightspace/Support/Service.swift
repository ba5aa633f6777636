import ArgumentParser
import Dispatch
import Foundation
import Glibc
import HTTPServer
import Host
import InferenceService
import Logging
import ModelStore
import Synchronization

/// The running service: from an open port over ready models to an orderly end.
final class Service: Sendable {
    private let configuration: ServeConfiguration
    private let manager = ServiceManager()
    private let logger = Logger(label: "weightspace")
    private let registry = ModelRegistry()
    private let reloading: Reloading
    private let queue: ModelQueue
    private let server: Server
    /// Behind the administration socket, where there is one.
    private let adminServer: Server?
    /// Loading takes its time, and one load at a time is enough.
    private let loading: DispatchQueue
    private let loads = DispatchGroup()
    private let ending = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)
    /// Why the process ends other than well.
    private let failure = Mutex<CommandFailure?>(nil)

    init(_ configuration: ServeConfiguration) throws {
        self.configuration = configuration
        let build = Weightspace.build
        let metrics = ServiceMetrics(build: build)
        let loading = DispatchQueue(label: "load")
        let loads = loads
        let reloading = Reloading(
            loader: ModelLoader(configuration, registry: registry, logger: logger), manager: manager,
            keysFile: configuration.keysFile,
            access: AccessControl(configuration.access, keys: try configuration.keysFile.map(KeysFile.read)),
            logger: logger)
        self.loading = loading
        self.reloading = reloading
        queue = try ModelQueue(configuration.service, metrics: metrics)
        let handler = try ServiceHandler(
            configuration.service, registry: registry, queue: queue, metrics: metrics, access: reloading.access,
            version: build, logger: logger
        ) { completion in loading.async(group: loads) { completion(reloading.run()) } }
        try manager.checkSockets()
        server = try Server(
            configuration: configuration.server.listening(at: manager.publicSocket), handler: handler, logger: logger)
        if let endpoint = manager.adminSocket ?? configuration.adminEndpoint {
            adminServer = try Server(
                configuration: configuration.adminServer(at: endpoint), handler: AdminHandler(handler), logger: logger)
        } else {
            adminServer = nil
        }
        metrics.gauges.readLoadFailures { [weak reloading] in reloading?.failureCount ?? 0 }
        metrics.gauges.readConnections { [weak server] in ["open": server?.connectionCount ?? 0] }
    }

    /// Serves until a signal ends it. The port is open before the models are loaded, so that probes get answers.
    func run() throws {
        let endSignals = SignalWatcher([SIGTERM, SIGINT]) { [self] signal in end(signal) }
        let reloadSignals = SignalWatcher([SIGHUP]) { [self] _ in
            loading.async(group: loads) { [self] in
                if !ending.withLock({ $0 }) { _ = reloading.run() }
            }
        }
        do {
            let address = try server.start()
            print("listening on \(address.port == nil ? "" : "http://")\(address)")
            try? FileHandle.standardOutput.synchronize()
            fflush(nil)
            try adminServer?.start()
        } catch {
            // Told to end before it could begin.
            guard !ending.withLock({ $0 }) else { return }
            throw CommandFailure(error.description)
        }
        loading.async(group: loads) { [self] in loadFirst() }
        let housekeeping = repeating(every: .milliseconds(50)) { [queue] in queue.expireOverdue() }
        let watchdog = manager.watchdogInterval.map { interval in
            repeating(every: .nanoseconds(Int(interval / .nanoseconds(1)))) { [self] in feedWatchdog() }
        }
        ended.wait()
        housekeeping.cancel()
        watchdog?.cancel()
        endSignals.cancel()
        reloadSignals.cancel()
        LogSink.standardError.flush()
        if let failure = failure.withLock({ $0 }) {
            Terminal.complain(Weightspace.fullMessage(for: failure))
            Self.leave(1)
        }
        if isComputing { Self.leave(0) }
    }

    /// Whether models are being loaded or asked, for nobody now.
    private var isComputing: Bool { loads.wait(timeout: .now()) == .timedOut || queue.isBusy }

    /// Ends the process without the libraries' farewells: OpenBLAS's would take its tables from under a computation that
    /// goes on.
    private static func leave(_ status: Int32) -> Never {
        LogSink.standardError.flush()
        fflush(nil)
        _exit(status)
    }

    private func repeating(
        every interval: DispatchTimeInterval, _ action: @escaping @Sendable () -> Void
    ) -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "timer"))
        timer.setEventHandler(handler: action)
        timer.schedule(deadline: .now(), repeating: interval)
        timer.activate()
        return timer
    }

    /// Away from the main thread, which must be free to end the process while models are still being loaded.
    private func loadFirst() {
        do {
            let report = try reloading.start { [self] in ending.withLock { $0 } }
            logger.info("ready", metadata: ["models": "\(report.models.count)"])
            manager.tell(.ready, .status(report.summary))
        } catch {
            guard !ending.withLock({ $0 }) else { return }
            fail(CommandFailure(reason(error)))
            ended.signal()
        }
    }

    /// A sign of life, once every loop of the server has taken a turn and none of the models' is stuck.
    private func feedWatchdog() {
        server.confirmProgress { [self] in
            guard queue.isStalled else {
                manager.tell(.watchdog)
                return
            }
            logger.critical("a computation has hung; the watchdog is told nothing any more")
        }
    }

    private func fail(_ reason: CommandFailure) {
        failure.withLock { $0 = $0 ?? reason }
    }

    /// The first signal drains; a second one ends at once.
    private func end(_ signal: Int32) {
        let isFirst = ending.withLock { isEnding in
            defer { isEnding = true }
            return !isEnding
        }
        guard isFirst else {
            logger.warning("second signal, ending at once")
            Self.leave(1)
        }
        logger.info("stopping", metadata: ["signal": "\(signal)"])
        manager.tell(.stopping, .status("finishing what was admitted"))
        registry.beginDraining()
        server.drain(deadline: configuration.drainTimeout) { [self] report in
            if report.cut > 0 {
                logger.error("drain timeout", metadata: ["cut": "\(report.cut)"])
                fail(CommandFailure("the drain timeout cut \(report.cut) connections short"))
            }
            guard let adminServer else {
                ended.signal()
                return
            }
            adminServer.stop { [self] _ in ended.signal() }
        }
    }
}

extension ReloadReport {
    /// For `systemctl status`.
    var summary: String { "serving \(models.map(\.model).joined(separator: ", "))" }
}

extension ServiceManager {
    /// One that is taken from the manager and served by nobody would leave its clients waiting.
    fileprivate func checkSockets() throws {
        let names = sockets.map(\.name)
        guard names.count(where: { $0 == "admin" }) <= 1, names.count(where: { $0 != "admin" }) <= 1 else {
            throw CommandFailure(
                "expected one socket from the service manager and one named 'admin' beside it, received \(names)")
        }
    }

    /// The first socket that is not the administration's.
    fileprivate var publicSocket: ListeningEndpoint? {
        sockets.first { $0.name != "admin" }.map { .inherited(descriptor: $0.descriptor) }
    }

    fileprivate var adminSocket: ListeningEndpoint? {
        sockets.first { $0.name == "admin" }.map { .inherited(descriptor: $0.descriptor) }
    }
}

extension ServerConfiguration {
    fileprivate func listening(at endpoint: ListeningEndpoint?) -> ServerConfiguration {
        var configuration = self
        if let endpoint { configuration.endpoint = endpoint }
        return configuration
    }
}
