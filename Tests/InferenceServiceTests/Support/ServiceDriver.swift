import Clocks
import HTTPTypes
import Logging
import ModelStore
import Networks
import TestSupport
import WeightFormats

@testable import HTTPCore
@testable import InferenceService

/// The service without sockets: requests go in as bytes, through the server's own parser, and answers come out.
final class ServiceDriver: Sendable {
    struct Malformed: Error {}

    let registry = ModelRegistry()
    let metrics = ServiceMetrics(build: BuildInfo(version: "1", commit: "c", swift: "6"))
    let queue: ModelQueue
    let handler: ServiceHandler
    /// As the access log gets them.
    let records = Mailbox<AccessRecord>()

    /// - Parameters:
    ///   - models: the embedded ones by default; nil leaves the service starting.
    ///   - compute: in place of the models' own computation.
    ///   - access: who may do what; everybody everything without it.
    init(
        models: [ServedModel]? = try? [Models.embedded.get()],
        _ change: (inout ServiceConfiguration) -> Void = { _ in }, compute: ModelQueue.Compute? = nil,
        access: AccessControl = AccessControl()
    ) throws {
        var configuration = ServiceConfiguration()
        change(&configuration)
        if let compute {
            queue = try ModelQueue(configuration, metrics: metrics, compute: compute)
        } else {
            queue = try ModelQueue(configuration, metrics: metrics)
        }
        handler = try ServiceHandler(
            configuration, registry: registry, queue: queue, metrics: metrics, access: access,
            version: BuildInfo(version: "1.2.3", commit: "c", swift: "6"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { completion in completion(ReloadReport(models: [], failures: ["nothing to reload"])) }
        if let models { registry.publish(models) }
    }

    func get(_ path: String, _ fields: [String: String] = [:]) throws -> Answer {
        try send("GET", path, fields)
    }

    func post(_ path: String, _ body: [UInt8], _ fields: [String: String] = [:]) throws -> Answer {
        try send("POST", path, fields, body)
    }

    func post(_ path: String, json: String) throws -> Answer {
        try post(path, Array(json.utf8), ["Content-Type": "application/json"])
    }

    func send(_ method: String, _ path: String, _ fields: [String: String] = [:], _ body: [UInt8] = []) throws -> Answer
    {
        try start(method, path, fields, body).take()
    }

    /// Sends a request whose answer may come later.
    /// - Parameter age: how long ago its head was complete.
    func start(
        _ method: String, _ path: String, _ fields: [String: String] = [:], _ body: [UInt8] = [],
        age: Duration = .zero, cancellation: Cancellation = Cancellation(), peer: String = "127.0.0.1:50000"
    ) throws -> Mailbox<Answer> {
        try begin(method, path, fields, body, age: age, cancellation: cancellation, peer: peer)()
    }

    /// Sends a request's head; what is returned sends its body.
    func begin(
        _ method: String, _ path: String, _ fields: [String: String] = [:], _ body: [UInt8] = [],
        age: Duration = .zero, cancellation: Cancellation = Cancellation(), peer: String = "127.0.0.1:50000"
    ) throws -> () -> Mailbox<Answer> {
        let (head, body) = try parse(method, path, fields, body)
        let id = RequestID.resolve(head.fields, unixMilliseconds: 0)
        let answers = Mailbox<Answer>()
        let received = Instant.now - age
        let admission = handler.admit(head, id: id, peer: peer)
        let finish: @Sendable (Response) -> Void = { [handler, records] response in
            let record = AccessRecord(
                head: head, status: Int(response.status.code), bytesIn: body.count, bytesOut: response.body.count,
                duration: .milliseconds(1), peer: peer, id: id, reason: response.reason, context: admission.context)
            handler.finished(record)
            records.put(record)
            answers.put(Answer(id: id, response: response))
        }
        switch admission.decision {
        case .refuse(let response):
            finish(response)
            return { answers }
        case .accept(_, let respond):
            let request = Request(
                head: head, id: id, body: body, peer: peer, cancellation: cancellation, received: received)
            return {
                respond(request, finish)
                return answers
            }
        }
    }

    private func parse(
        _ method: String, _ path: String, _ fields: [String: String], _ body: [UInt8]
    ) throws -> (RequestHead, [UInt8]) {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\r\n" }
        var parser = RequestParser(limits: HTTPLimits())
        parser.append(Array(text.utf8) + [13, 10] + body)
        guard case .head(let head)? = try parser.next() else { throw Malformed() }
        var received: [UInt8] = []
        while let event = try parser.next() {
            switch event {
            case .head: throw Malformed()
            case .body(let piece): received += piece
            case .end: return (head, received)
            }
        }
        throw Malformed()
    }
}
