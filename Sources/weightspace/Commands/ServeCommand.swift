import ArgumentParser
import CHost
import HTTPServer
import InferenceService
import Logging

/// `weightspace serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves the models over HTTP until it receives SIGTERM or SIGINT.",
        discussion: """
            Every option is also an environment variable: --max-queue is WEIGHTSPACE_MAX_QUEUE. Several values in a variable \
            are separated by commas. SIGTERM and SIGINT drain the service: admitted requests are answered, then the process \
            exits 0. SIGHUP loads models and keys again. Under systemd the service accepts sockets from socket activation, \
            and reports readiness and watchdog keep-alives.
            """)

    @Option(help: "Address or host name to listen on. (default: 127.0.0.1)") var host: String?
    @Option(help: "Port to listen on; 0 chooses a free one and prints it. (default: 8080)") var port: Int?
    @Option(help: "Unix socket to listen on instead of an address; mode 660.") var unixSocket: String?
    @Option(
        help:
            "Unix socket for administrators, mode 600: accepts every request, POST /admin/reload included, without a key."
    )
    var adminSocket: String?
    @Option(help: "File of the clients' API keys; read again on SIGHUP. See 'weightspace key'.") var keys: String?
    @Flag(help: "Require a key for health checks too.") var protectHealth = false
    @Flag(help: "Require a key for /metrics too.") var protectMetrics = false
    @Option(help: "Origin whose pages may read responses (CORS); repeat for several, * for all.")
    var corsOrigin: [String] = []
    @Option(
        help:
            "Requests with weights a second for each key, or each address without keys; further ones get 429. (default: no limit)"
    )
    var rateLimit: Double?
    @Option(help: "Requests that a client may send in a burst under --rate-limit. (default: 20)") var rateBurst: Int?
    @Option(
        help:
            "Address or network (10.0.0.0/8) of proxies whose X-Forwarded-For is trusted, 'unix' for the Unix socket; repeat for several."
    )
    var trustedProxy: [String] = []
    @Option(help: "Threads that compute. (default: one for each processor)") var threads: Int?
    @OptionGroup var sources: ModelSourceOptions
    @Option(help: "Name of the model that answers requests that name none. (default: the first one at the start)")
    var defaultModel: String?
    @Option(help: "Most networks of one request that are computed in one pass. (default: 16)")
    var networksPerPass: Int?
    @Option(help: .hidden) var maxBatch: Int?
    @Option(help: "Most requests that wait for a computation; further ones get 429. (default: 64)") var maxQueue: Int?
    @Option(help: "Most bytes of weights in waiting requests; further requests get 429. (default: 67108864)")
    var maxQueueBytes: Int?
    @Option(help: "Most bytes of a request's body, before and after decompression. (default: 16777216)")
    var maxBodyBytes: Int?
    @Option(help: "Most networks in one request. (default: 1024)") var maxNetworks: Int?
    @Option(help: "Most open connections; further ones get 503. (default: 1024)") var maxConnections: Int?
    @Option(help: "Seconds until a request's head must be complete. (default: 10)") var headerTimeout: Double?
    @Option(help: "Seconds until a request's body must be complete. (default: 30)") var bodyTimeout: Double?
    @Option(help: "Seconds until an idle connection is closed. (default: 75)") var idleTimeout: Double?
    @Option(help: "Seconds until a connection whose client reads nothing of a response is closed. (default: 30)")
    var writeTimeout: Double?
    @Option(help: "Seconds between SIGTERM and closing the port; /readyz is 503 meanwhile. (default: 0)")
    var drainDelay: Double?
    @Option(help: "Seconds after that until connections with unanswered requests are closed. (default: 25)")
    var drainTimeout: Double?
    @Option(help: "Log format: text or json. (default: text)") var logFormat: String?
    @Option(help: "Log level: trace, debug, info, notice, warning, error or critical. (default: info)") var logLevel:
        String?
    @Flag(help: "Print every setting and where its value comes from, then exit.") var printConfig = false

    func run() throws {
        var settings = Settings()
        let configuration = try ServeConfiguration(self, &settings)
        if printConfig {
            for setting in settings.resolved { print("\(setting.name) = \(setting.value)  # \(setting.source)") }
            for line in configuration.unknownVariables { Terminal.complain(line) }
            return
        }
        LogSink.standardError.use(configuration.logFormat)
        LoggingSystem.bootstrap { _ in
            LineLogHandler(format: configuration.logFormat, level: configuration.logLevel)
        }
        host_limit_heap(Int32(clamping: max(2, configuration.service.threads)))
        try Service(configuration).run()
    }
}
