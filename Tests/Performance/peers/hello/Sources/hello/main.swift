// A server of Hummingbird's that says hello on 127.0.0.1 and the port given: what `GET /livez` is measured against.
import Hummingbird
import Logging

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
var logger = Logger(label: "hello")
logger.logLevel = .error
let router = Router()
router.get("hello") { _, _ in "Hello" }
let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
try await application.runService()
