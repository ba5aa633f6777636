import ArgumentParser
import HTTPServer

/// `weightspace health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks a running service whether it is alive or ready.",
        discussion: """
            For health checks in containers and other places without curl. It connects to the address on which 'serve' \
            listens with the same environment variables. Exits 0 if the service is alive (with --ready: ready), else 1. A \
            service that answers 401 counts as alive; its readiness is unknown without a key.
            """)

    @Flag(help: "Ask whether it is ready to answer requests.") var ready = false
    @Option(help: "Address or host name of the service. (default: 127.0.0.1)") var host: String?
    @Option(help: "Port of the service. (default: 8080)") var port: Int?
    @Option(help: "Unix socket of the service.") var unixSocket: String?
    @Option(help: "Seconds to wait for a response.") var timeout = 3

    func validate() throws {
        guard (1...3600).contains(timeout) else {
            throw ValidationError("--timeout: expected seconds from 1 to 3600, received \(timeout)")
        }
    }

    func run() throws {
        var settings = Settings()
        let endpoint = try settings.endpoint(host: host, port: port, unixSocket: unixSocket)
        let status: Int
        do throws(HealthProbeError) {
            status = try HealthProbe.status(of: ready ? "/readyz" : "/livez", at: endpoint, seconds: timeout)
        } catch {
            Terminal.complain(error.description)
            throw ExitCode(1)
        }
        guard status == 200 || (status == 401 && !ready) else {
            Terminal.complain("not \(ready ? "ready" : "alive"): answered \(status)")
            throw ExitCode(1)
        }
        print(ready ? "ready" : "alive")
    }
}
