import ArgumentParser
import HTTPServer

/// `weightspace health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks a running service whether it is alive.",
        discussion: """
            For health checks where there is no curl, as in a container. It looks where 'serve' listens under the same \
            environment. Exits 0 if the service is alive, or ready with --ready, and 1 if not. A service that asks for a key \
            is alive; whether it is ready cannot be told without one.
            """)

    @Flag(help: "Ask whether it is ready for requests.") var ready = false
    @Option(help: "Address that the service listens on. (default: 127.0.0.1)") var host: String?
    @Option(help: "Port that it listens on. (default: 8080)") var port: Int?
    @Option(help: "Unix socket that it listens on.") var unixSocket: String?
    @Option(help: "Seconds to wait for an answer.") var timeout = 3

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
