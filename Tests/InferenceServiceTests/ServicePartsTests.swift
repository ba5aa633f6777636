import Clocks
import Dispatch
import HTTPTypes
import Logging
import ModelStore
import Models
import TestSupport
import Testing
import WeightFormats

@testable import HTTPCore
@testable import InferenceService

@Suite("Service: its parts, each alone")
struct ServicePartsTests {
    private let gate = Gate()

    private func head(_ path: String = "/v1/classify", _ fields: HTTPFields = [:]) throws -> RequestHead {
        RequestHead(
            method: "POST", target: try RequestTarget(path), minorVersion: 1, fields: fields, framing: .none,
            keepAlive: true, expectsContinue: false)
    }

    private func context(
        _ route: String? = "/v1/classify", _ client: AccessControl.Client = .administrator, _ fields: HTTPFields = [:]
    ) -> ServiceRequestContext {
        ServiceRequestContext(route: route, errorForm: .problemDetails, client: client, fields: fields)
    }

    private func record(_ status: Int, reason: String? = nil, context: ServiceRequestContext?) throws -> AccessRecord {
        AccessRecord(
            head: try head(), status: status, bytesIn: 3, bytesOut: 4, duration: .microseconds(1500), peer: "p",
            id: "i", reason: reason, context: context)
    }

    private func fault<Value>(_ body: () throws(ServiceFault) -> Value) -> ServiceFault? {
        do throws(ServiceFault) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Worker queues

    @Test("workers refuse requests beyond their limit, but no follow-up work")
    func workers() throws {
        let workers = WorkerQueues(count: 1, limit: 1)
        let done = Mailbox<String>()
        workers.run { [gate] in gate.pass() }
        #expect(gate.waitUntilBegun())
        try workers.submit { done.put("submitted") }
        #expect(workers.refusal()?.code == "queue_full")
        #expect(
            fault { () throws(ServiceFault) in try workers.submit { done.put("refused") } }?.status == .tooManyRequests)
        workers.run { done.put("run") }
        gate.release()
        #expect(try [done.take(), done.take()] == ["submitted", "run"])
        #expect(workers.refusal() == nil && done.isEmpty)
    }

    // MARK: Access log

    @Test("the access line names the key, the model and the number of networks")
    func accessLine() throws {
        let keys = try APIKeys("alice sha256:\(ContentDigest.hexadecimal(Array("k".utf8)))")
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = context(
            "/v1/classify", .keyHolder(try #require(keys.owner(of: "k"))), [TraceContext.fieldName: trace])
        context.note(model: "m", networks: 3)
        let metadata = AccessLog.metadata(of: try record(200, context: context))
        #expect(
            metadata.mapValues { "\($0)" } == [
                "request_id": "i", "status": "200", "peer": "p", "bytes_in": "3", "bytes_out": "4",
                "duration_ms": "1.5", "method": "POST", "path": "/v1/classify", "key": "alice", "model": "m",
                "networks": "3", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            ])
    }

    @Test("the access line leaves out what is not known")
    func shortAccessLine() throws {
        let metadata = AccessLog.metadata(of: try record(499, reason: "client_closed", context: nil))
        #expect(metadata["reason"].map { "\($0)" } == "client_closed")
        #expect(["key", "model", "networks", "trace_id"].allSatisfy { metadata[$0] == nil })
    }

    @Test(
        "the level is that of the status, and debug for probes that are answered",
        arguments: [
            ("/v1/classify", 200, nil, .info), ("/v1/classify", 429, "queue_full", .info),
            ("/v1/classify", 500, "internal", .error), ("/v1/classify", 503, "starting", .warning),
            ("/livez", 200, nil, .debug), ("/v2/health/ready", 503, "draining", .debug), ("/metrics", 200, nil, .debug),
            ("/livez", 503, "stalled", .warning), (nil, 404, "no_such_path", .info),
        ] as [(String?, Int, String?, Logger.Level)])
    func level(_ route: String?, _ status: Int, _ reason: String?, _ level: Logger.Level) throws {
        #expect(AccessLog.level(of: try record(status, reason: reason, context: context(route))) == level)
    }

    // MARK: Rendering

    @Test(
        "the endpoint chooses the form of its errors",
        arguments: [
            (.infer, .plainJSON), (.openInference(.live), .plainJSON), (.live, .problemDetails),
            (.inference(.classes), .problemDetails), (.render, .problemDetails), (.fit, .problemDetails),
        ] as [(Endpoint, ErrorForm)])
    func errorForms(_ endpoint: Endpoint, _ form: ErrorForm) {
        #expect(endpoint.errorForm == form)
        let response = ResponseRenderer(crossOrigin: CrossOrigin(allowedOrigins: []))
            .failure(ServiceFault.starting.httpError, id: "i", form: form)
        let type = form == .plainJSON ? "application/json" : "application/problem+json"
        #expect(response.fields[.contentType] == type)
    }

    @Test("paths below /v2 that are not served have the errors of the protocol")
    func unmatched() throws {
        #expect(Endpoint.errorForm(unmatched: try RequestTarget("/v2/none")) == .plainJSON)
        #expect(Endpoint.errorForm(unmatched: try RequestTarget("/v20/none")) == .problemDetails)
    }

    @Test("a finished response has the trace, the fields of CORS and, if it may, a coding")
    func finished() throws {
        let renderer = ResponseRenderer(crossOrigin: CrossOrigin(allowedOrigins: ["*"]))
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let fields: HTTPFields = [.origin: "https://a.example", .acceptEncoding: "gzip", TraceContext.fieldName: trace]
        let plain = Response(.ok, contentType: "text/plain", body: [UInt8](repeating: 97, count: 5000))
        let head = try head("/", fields)
        let context = context("/", .administrator, fields)
        let packed = renderer.finished(plain, for: head, context, compresses: true)
        #expect(packed.fields[TraceContext.fieldName] == trace)
        #expect(packed.fields[.accessControlAllowOrigin] == "https://a.example")
        #expect(packed.fields[.contentEncoding] == "gzip" && packed.body.count < 5000)
        #expect(renderer.finished(plain, for: head, context, compresses: false).body == plain.body)
    }

    // MARK: Admission

    @Test("a head is refused without a key first, then without models, then without room")
    func admission() throws {
        let registry = ModelRegistry()
        let metrics = ServiceMetrics(build: BuildInfo(version: "1", commit: "c", swift: "6"))
        var configuration = ServiceConfiguration()
        configuration.maxQueue = 1
        let queue = try ModelQueue(configuration, metrics: metrics)
        let workers = WorkerQueues(count: 1, limit: 1)
        let keys = try APIKeys("alice sha256:\(ContentDigest.hexadecimal(Array("k".utf8)))")
        let admission = AdmissionControl(
            access: AccessControl(keys: keys), registry: registry, queue: queue, workers: workers)
        let stranger = AccessControl.Client.anonymous(address: nil, showsKey: false)
        #expect(admission.refusal(stranger, .inference(.classes))?.code == "unauthorized")
        #expect(admission.refusal(.administrator, .inference(.classes))?.code == "starting")
        #expect(admission.refusal(.administrator, .models) == nil, "pages need no room")
        registry.publish([])
        #expect(admission.refusal(.administrator, .inference(.classes)) == nil)
        workers.run { [gate] in gate.pass() }
        #expect(gate.waitUntilBegun())
        workers.run {}
        #expect(admission.refusal(.administrator, .render)?.code == "queue_full", "drawings wait for a worker")
        #expect(admission.refusal(.administrator, .infer) == nil, "inference waits in the queue")
        gate.release()
    }

    // MARK: Outcomes

    @Test(
        "a fault is counted by its status",
        arguments: [
            (429, .rejected), (503, .rejected), (499, .cancelled), (504, .deadlineExceeded), (400, .invalid),
            (404, .invalid), (422, .invalid), (500, .failure),
        ] as [(Int, InferenceOutcome)])
    func outcomes(_ status: Int, _ outcome: InferenceOutcome) {
        #expect(InferenceOutcome(ServiceFault(.init(code: status), "c", "t", "d")) == outcome)
    }

    @Test("every outcome is counted once; drawings and pages have none")
    func recorder() throws {
        let model = try Models.embedded.get()
        let metrics = ServiceMetrics(build: BuildInfo(version: "1", commit: "c", swift: "6"))
        let recorder = OutcomeRecorder(metrics: metrics)
        let timing = RequestTiming()
        recorder.record(.answered(Response(.ok), items: 3), of: .infer, model: model, timing: timing)
        recorder.record(.failed(.internalFault), of: .inference(.classes), model: model, timing: timing)
        recorder.record(.refused(.starting), of: .infer, model: model, timing: nil)
        recorder.record(.refused(.starting), of: .infer, model: nil, timing: nil)
        recorder.record(.failed(.internalFault), of: .render, model: model, timing: timing)
        let scrape = Exposition(metrics.render())
        func count(_ outcome: String) -> Double? {
            scrape.value(
                "weightspace_inference_requests_total",
                ["model": model.name, "version": model.version, "outcome": outcome])
        }
        #expect(count("success") == 1 && count("failure") == 1 && count("rejected") == 1)
        #expect(scrape.value("weightspace_rejected_total", ["reason": "starting"]) == 2)
        let entry = metrics.statistics.entry(model: model.name, version: model.version)
        #expect(entry.success.count == 1 && entry.inferences == 3)
        #expect(entry.failure.count == 1, "a request that is refused unread is not part of the model's statistics")
    }

    // MARK: Looking up

    @Test("a model is looked up again only if the body names another")
    func lookup() throws {
        let model = try Models.embedded.get()
        let registry = ModelRegistry()
        registry.publish([model])
        var lookup = ModelLookup(registry, ModelSelection(name: model.name))
        #expect(lookup.model === model)
        registry.publish([])
        #expect(try lookup.find(ModelSelection(name: model.name)) === model, "found before")
        #expect(fault { () throws(ServiceFault) in try lookup.find(ModelSelection(name: "other")) }?.code == "starting")
        #expect(lookup.model === model, "still the one to count for")
        registry.publish([model])
        var unknown = ModelLookup(registry, ModelSelection(name: "other"))
        #expect(unknown.model == nil)
        #expect(
            fault { () throws(ServiceFault) in try unknown.find(ModelSelection(name: "other")) }?.code
                == "no_such_model")
    }

    @Test("a page is made once for the same models and need of keys")
    func pageCache() throws {
        let cache = PageCache()
        func page(_ text: String, _ needsKey: Bool = false) throws(ServiceFault) -> [UInt8] {
            try cache.response("p", under: .init(models: [], needsKey: needsKey)) { () throws(ServiceFault) in
                Response(.ok, contentType: "text/plain", body: Array(text.utf8))
            }.body
        }
        #expect(try page("a") == Array("a".utf8) && page("b") == Array("a".utf8))
        #expect(try page("c", true) == Array("c".utf8))
        #expect(try page("d") == Array("d".utf8), "the former page is not kept")
    }
}
