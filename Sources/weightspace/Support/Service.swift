import ArgumentParser
import Dispatch
import Engine
import Foundation
import Glibc
import HTTPServer
import Host
import InferenceService
import Logging
import ModelStore
import Models
import Synchronization

/// The running service, from opening the port and loading the models to draining and the end of the process.
final class Service: Sendable {
    private let configuration: ServeConfiguration
    private let manager = ServiceManager()
    private let logger = Logger(label: "weightspace")
    private let registry = ModelRegistry()
    private let reloading: Reloading
    private let queue: ModelQueue
    private let server: Server
    /// The server of the administration socket; nil without one.
    private let adminServer: Server?
    /// The serial queue on which models are loaded and reloaded.
    private let loading: DispatchQueue
    private let loads = DispatchGroup()
    private let ending = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)
    /// The reason for exit status 1; nil for status 0.
    private let failure = Mutex<CommandFailure?>(nil)

    /// Checks keys, model folders and the sockets of the service manager, without opening a port or loading parameters.
    init(_ configuration: ServeConfiguration) throws {
        self.configuration = configuration
        let build = Weightspace.build
        let metrics = ServiceMetrics(build: build)
        let loading = DispatchQueue(label: "load")
        let loads = loads
        let loader = ModelLoader(configuration, registry: registry, logger: logger)
        try loader.check()
        let reloading = Reloading(
            loader: loader, manager: manager,
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

    /// Serves until SIGTERM or SIGINT, or until the first load fails. The port is opened before the models are loaded,
    /// so that health checks are answered during the load.
    /// - Throws: where a port or socket cannot be opened.
    func run() throws {
        logKernels()
        for line in configuration.unknownVariables {
            logger.warning("unknown setting", metadata: ["reason": "\(line)"])
        }
        let endSignals = SignalWatcher([SIGTERM, SIGINT]) { [self] signal in end(signal) }
        let reloadSignals = SignalWatcher([SIGHUP]) { [self] _ in
            loading.async(group: loads) { [self] in
                if !ending.withLock({ $0 }) { _ = reloading.run() }
            }
        }
        do {
            let address = try server.start()
            let adminAddress = try adminServer?.start()
            announce(address, admin: adminAddress)
        } catch {
            // A signal may have stopped the servers before they were started.
            guard !ending.withLock({ $0 }) else { return logStopped(nil) }
            throw CommandFailure(error.description)
        }
        loading.async(group: loads) { [self] in loadFirst() }
        let watchdog = manager.watchdogInterval.map { interval in
            repeating(every: .nanoseconds(Int(interval / .nanoseconds(1)))) { [self] in feedWatchdog() }
        }
        ended.wait()
        watchdog?.cancel()
        endSignals.cancel()
        reloadSignals.cancel()
        let failure = failure.withLock { $0 }
        logStopped(failure)
        if failure != nil { Self.leave(1) }
        if isComputing { Self.leave(0) }
    }

    /// Says what computes, and warns where OpenBLAS could be faster.
    private func logKernels() {
        logger.info(
            "kernels",
            metadata: [
                "own": "\(OwnKernels.instructions)", "openblas": "\(OpenBLASKernels.inUse)",
                "openblas_version": "\(OpenBLASKernels.release)",
            ])
        guard let better = OpenBLASKernels.better else { return }
        let cause =
            ProcessInfo.processInfo.environment[OpenBLASKernels.variable].map { "is set to \($0)" } ?? "is not set"
        let reason = """
            OpenBLAS uses \(OpenBLASKernels.inUse); this processor runs \(better.rawValue), which is faster: \
            \(OpenBLASKernels.variable) \(cause), set it to \(better.rawValue.uppercased())
            """
        logger.warning("slow OpenBLAS kernels", metadata: ["reason": "\(reason)"])
    }

    /// Prints the address on standard output, in the log's format, and warns where others than the machine's users can
    /// connect without a key.
    private func announce(_ address: SocketAddress, admin: SocketAddress?) {
        let url = address.isUnix ? "\(address)" : "http://\(address)"
        switch configuration.logFormat {
        case .text: print("listening on \(url)")
        case .json:
            let line = LogFormat.json.line(.info, "listening on \(url)", ["address": "\(address)"])
            print(String(decoding: line.dropLast(), as: UTF8.self))
        }
        try? FileHandle.standardOutput.synchronize()
        fflush(nil)
        if let admin { logger.info("administration socket open", metadata: ["address": "\(admin)"]) }
        if configuration.keysFile == nil, !address.isUnix, !address.isLoopback {
            logger.warning(
                "no keys: everybody who can connect may use the service; set --keys, or listen on loopback behind a proxy",
                metadata: ["address": "\(address)"])
        }
    }

    /// Writes the last line of the log.
    private func logStopped(_ failure: CommandFailure?) {
        if let failure {
            logger.error("stopped", metadata: ["reason": "\(failure.description)"])
        } else {
            logger.info("stopped")
        }
        LogSink.standardError.close()
    }

    /// Whether a load, or a computation for a request whose connection was closed, is still running.
    private var isComputing: Bool { loads.wait(timeout: .now()) == .timedOut || queue.isBusy }

    /// Ends the process without running exit handlers, since that of OpenBLAS frees memory that a computation may still
    /// use.
    private static func leave(_ status: Int32) -> Never {
        LogSink.standardError.close()
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

    /// The first load. It runs on the queue `loading`, so that the main thread can end the process during a load.
    private func loadFirst() {
        do {
            let report = try reloading.start { [self] in ending.withLock { $0 } }
            logger.info("ready", metadata: ["models": logged(report.models.count)])
            manager.tell(.ready, .status(report.summary))
        } catch {
            guard !ending.withLock({ $0 }) else { return }
            fail(CommandFailure(reason(error)))
            ended.signal()
        }
    }

    /// Sends a watchdog keep-alive after every event loop of the server has run a task, unless a computation hangs.
    private func feedWatchdog() {
        server.confirmProgress { [self] in
            guard queue.isStalled else {
                manager.tell(.watchdog)
                return
            }
            logger.critical("a computation hangs; watchdog keep-alives are no longer sent")
        }
    }

    private func fail(_ reason: CommandFailure) {
        failure.withLock { $0 = $0 ?? reason }
    }

    /// Drains at the first signal; ends the process at the second.
    private func end(_ signal: Int32) {
        let isFirst = ending.withLock { isEnding in
            defer { isEnding = true }
            return !isEnding
        }
        guard isFirst else {
            logStopped(CommandFailure("second signal: \(signal)"))
            Self.leave(1)
        }
        logger.info("stopping", metadata: ["signal": logged(Int(signal))])
        registry.beginDraining()
        manager.tell(.stopping, .status("answering admitted requests"))
        server.drain(deadline: configuration.drainTimeout) { [self] report in
            if report.cut > 0 {
                fail(CommandFailure("drain timeout: connections closed with unanswered requests: \(report.cut)"))
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
    /// The status line that `systemctl status` shows.
    var summary: String { "serving \(models.map(\.model).joined(separator: ", "))" }
}

extension ServiceManager {
    /// - Throws: where there are more sockets than one for clients and one named `admin`, since clients of further ones
    ///   would never be accepted.
    fileprivate func checkSockets() throws {
        let names = sockets.map(\.name)
        guard names.count(where: { $0 == "admin" }) <= 1, names.count(where: { $0 != "admin" }) <= 1 else {
            throw CommandFailure(
                "expected at most one socket from the service manager and one named 'admin', received \(names)")
        }
    }

    /// The socket for clients: the one that is not named `admin`.
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
