import ArgumentParser
import CLinux
import HTTPServer
import InferenceService
import Logging

/// `weightspace serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves the models over HTTP until it is told to stop.",
        discussion: """
            Every option can also be given in the environment: --max-queue is WEIGHTSPACE_MAX_QUEUE. SIGTERM and SIGINT \
            drain: what was admitted is finished, then the process exits 0. SIGHUP loads models and keys anew. Under systemd it \
            takes sockets that are passed to it, and tells when it is ready and that it is alive.
            """)

    @Option(help: "Address to listen on. (default: 127.0.0.1)") var host: String?
    @Option(help: "Port to listen on; 0 takes a free one and prints it. (default: 8080)") var port: Int?
    @Option(help: "Unix socket to listen on in place of an address; its group may connect.") var unixSocket: String?
    @Option(help: "Unix socket for the administrator: POST /admin/reload, and everything without a key.")
    var adminSocket: String?
    @Option(help: "File of keys that clients must show; read again on SIGHUP. See 'weightspace key'.") var keys: String?
    @Flag(help: "Ask for a key for health checks too.") var protectHealth = false
    @Flag(help: "Ask for a key for /metrics too.") var protectMetrics = false
    @Option(help: "Origin whose pages may read answers (CORS); repeat for several, * for every one.")
    var corsOrigin: [String] = []
    @Option(help: "Requests with weights a second for each key or address; more is answered 429. (default: no limit)")
    var rateLimit: Double?
    @Option(help: "Requests that a client may send at once under --rate-limit. (default: 20)") var rateBurst: Int?
    @Option(help: "Address of a proxy whose X-Forwarded-For is believed, 'unix' for a Unix socket; repeat for several.")
    var trustedProxy: [String] = []
    @Option(help: "Threads that compute. (default: the processors)") var threads: Int?
    @Option(help: "Folder of model folders, or one model folder. (default: the embedded models)") var models: String?
    @Option(help: "Networks of one request that are computed in one forward pass. (default: 16)")
    var networksPerPass: Int?
    @Option(help: .hidden) var maxBatch: Int?
    @Option(help: "Requests that may wait; one more is answered 429. (default: 64)") var maxQueue: Int?
    @Option(help: "Bytes of weights that may wait. (default: 67108864)") var maxQueueBytes: Int?
    @Option(help: "Bytes of a request's body, also after inflation. (default: 16777216)") var maxBodyBytes: Int?
    @Option(help: "Networks of one request. (default: 1024)") var maxNetworks: Int?
    @Option(help: "Open connections; one more is answered 503. (default: 1024)") var maxConnections: Int?
    @Option(help: "Seconds for a request's head. (default: 10)") var headerTimeout: Double?
    @Option(help: "Seconds for a request's body. (default: 30)") var bodyTimeout: Double?
    @Option(help: "Seconds a kept-alive connection may idle. (default: 75)") var idleTimeout: Double?
    @Option(help: "Seconds a client may take no bytes of its answer. (default: 30)") var writeTimeout: Double?
    @Option(help: "Seconds between SIGTERM and closing the port. (default: 0)") var drainDelay: Double?
    @Option(help: "Seconds for what was admitted to finish. (default: 25)") var drainTimeout: Double?
    @Option(help: "text or json. (default: text)") var logFormat: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical. (default: info)") var logLevel: String?
    @Flag(help: "Print the configuration and where each value comes from, then exit.") var printConfig = false

    func run() throws {
        var settings = Settings()
        let configuration = try ServeConfiguration(self, &settings)
        if printConfig {
            for setting in settings.resolved { print("\(setting.name) = \(setting.value)  # \(setting.source)") }
            return
        }
        LoggingSystem.bootstrap { label in
            LineLogHandler(format: configuration.logFormat, label: label, level: configuration.logLevel)
        }
        linux_keep_heap_together(Int32(clamping: max(2, configuration.service.threads)))
        try Service(configuration).run()
    }
}
