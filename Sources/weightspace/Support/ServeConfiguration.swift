import ArgumentParser
import Engine
import HTTPCore
import HTTPServer
import Host
import InferenceService
import Logging

/// The settings of `serve`, resolved and checked.
struct ServeConfiguration {
    var server = ServerConfiguration()
    var service = ServiceConfiguration()
    var access = AccessConfiguration()
    let models: ModelSources
    /// The name of the model that answers requests without a model's name; nil for the first one of the first load.
    let defaultModel: String?
    let keysFile: String?
    let adminEndpoint: ListeningEndpoint?
    /// A warning for every environment variable `WEIGHTSPACE_…` that belongs to no setting.
    let unknownVariables: [String]
    let drainTimeout: Duration
    let logFormat: LogFormat
    let logLevel: Logger.Level

    init(_ options: ServeCommand, _ settings: inout Settings) throws {
        func count(_ name: String, _ flag: Int?, _ standard: Int, _ range: ClosedRange<Int>) throws -> Int {
            try settings.value(
                name, flag, default: standard, isValid: { range.contains($0) },
                expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        func seconds(_ name: String, _ flag: Double?, _ standard: Double, from least: Double) throws -> Duration {
            .seconds(
                try settings.value(
                    name, flag, default: standard, isValid: { $0.isFinite && (least...86_400).contains($0) },
                    expected: "seconds from \(least) to 86400"))
        }
        server.endpoint = try settings.endpoint(host: options.host, port: options.port, unixSocket: options.unixSocket)
        // Mode 600: only the service's own user can connect.
        adminEndpoint = try settings.path("admin-socket", options.adminSocket).map {
            .unix(path: $0, permissions: 0o600)
        }
        service.threads = try count("threads", options.threads, WorkerPool.availableProcessors, 1...1024)
        models = try options.sources.resolve(&settings)
        defaultModel = try settings.optional(
            "default-model", options.defaultModel, standIn: "the first", expected: "a name")
        // `--max-batch` is the former name of `--networks-per-pass`.
        let formerly = try settings.optional(
            "max-batch", options.maxBatch, isValid: { (1...4096).contains($0) },
            expected: "a whole number from 1 to 4096")
        service.networksPerPass = try count(
            "networks-per-pass", options.networksPerPass, formerly ?? service.networksPerPass, 1...4096)
        service.maxQueue = try count("max-queue", options.maxQueue, service.maxQueue, 1...1_000_000)
        service.maxQueueBytes = try count(
            "max-queue-bytes", options.maxQueueBytes, service.maxQueueBytes, 1...(1 << 40))
        service.maxBodyBytes = try count("max-body-bytes", options.maxBodyBytes, service.maxBodyBytes, 1...(1 << 32))
        service.maxNetworks = try count("max-networks", options.maxNetworks, service.maxNetworks, 1...1_000_000)
        server.maxConnections = try count(
            "max-connections", options.maxConnections, server.maxConnections, 1...1_000_000)
        keysFile = try settings.optional("keys", options.keys, standIn: "none", expected: "a file")
        access.protectsHealth = try settings.flag("protect-health", options.protectHealth)
        access.protectsMetrics = try settings.flag("protect-metrics", options.protectMetrics)
        guard keysFile != nil || !(access.protectsHealth || access.protectsMetrics) else {
            throw ValidationError("--protect-health and --protect-metrics require --keys")
        }
        for origin in try settings.list("cors-origin", options.corsOrigin) {
            guard let written = origin == "*" ? origin : WebOrigin(origin)?.description else {
                throw ValidationError(
                    "--cors-origin: expected scheme://host or scheme://host:port in ASCII, such as https://example.org, or *, received '\(origin)'"
                )
            }
            access.allowedOrigins.insert(written)
        }
        for proxy in try settings.list("trusted-proxy", options.trustedProxy) {
            if proxy == "unix" {
                access.trustsUnixSocket = true
            } else if let network = IPNetwork(proxy) {
                access.trustedProxies.append(network)
            } else {
                throw ValidationError(
                    "--trusted-proxy: expected an address in numbers, a network such as 10.0.0.0/8, or 'unix', received '\(proxy)'"
                )
            }
        }
        access.rateLimit = try settings.optional(
            "rate-limit", options.rateLimit, standIn: "none", isValid: { $0.isFinite && (0.001...1e6).contains($0) },
            expected: "requests a second from 0.001 to 1000000")
        access.rateBurst = try count("rate-burst", options.rateBurst, access.rateBurst, 1...1_000_000)
        server.limits.maxBodyBytes = service.maxBodyBytes
        server.timeouts.header = try seconds("header-timeout", options.headerTimeout, 10, from: 0.1)
        server.timeouts.body = try seconds("body-timeout", options.bodyTimeout, 30, from: 0.1)
        server.timeouts.idle = try seconds("idle-timeout", options.idleTimeout, 75, from: 0.1)
        server.timeouts.writeStall = try seconds("write-timeout", options.writeTimeout, 30, from: 0.1)
        server.drainDelay = try seconds("drain-delay", options.drainDelay, 0, from: 0)
        drainTimeout = try seconds("drain-timeout", options.drainTimeout, 25, from: 0)
        let format = try settings.value(
            "log-format", options.logFormat, default: LogFormat.text.rawValue,
            isValid: { LogFormat(rawValue: $0) != nil }, expected: "text or json")
        logFormat = LogFormat(rawValue: format) ?? .text
        let level = try settings.value(
            "log-level", options.logLevel, default: Logger.Level.info.rawValue,
            isValid: { Logger.Level(rawValue: $0) != nil },
            expected: "trace, debug, info, notice, warning, error or critical")
        logLevel = Logger.Level(rawValue: level) ?? .info
        unknownVariables = settings.unknownVariables
    }

    /// The settings of the administration server. It allows 16 connections, since only administrators use it.
    func adminServer(at endpoint: ListeningEndpoint) -> ServerConfiguration {
        var configuration = server
        configuration.endpoint = endpoint
        configuration.maxConnections = 16
        configuration.queueCount = 1
        return configuration
    }
}

extension Settings {
    /// Where the service listens: `--unix-socket`, or `--host` and `--port`.
    mutating func endpoint(host: String?, port: Int?, unixSocket: String?) throws -> ListeningEndpoint {
        let host = try value("host", host, default: "127.0.0.1", expected: "an address")
        let port = try value(
            "port", port, default: 8080, isValid: { (0...65535).contains($0) },
            expected: "a whole number from 0 to 65535")
        // Mode 660: the service's group can connect, so that a proxy of another user can.
        return try path("unix-socket", unixSocket).map { .unix(path: $0, permissions: 0o660) }
            ?? .tcp(host: host, port: port)
    }

    fileprivate mutating func path(_ name: String, _ flag: String?) throws -> String? {
        try optional(
            name, flag, standIn: "none", isValid: { (1...107).contains($0.utf8.count) },
            expected: "a path of 1 to 107 bytes")
    }
}
