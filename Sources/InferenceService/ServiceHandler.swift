import ComputeQueue
import Clocks
import Dispatch
import HTTPCore
import HTTPTypes
import Logging
import ModelStore
import Synchronization

/// The service as the server sees it: routes, admission, answers, access log.
///
/// Small answers are given, and small uploads read, on the I/O queue; other bodies are read on queues of their own, so
/// that neither a large upload nor the models ever hold up a health check.
package final class ServiceHandler: RequestHandler {
    let configuration: ServiceConfiguration
    let registry: ModelRegistry
    let queue: ModelQueue
    let metrics: ServiceMetrics
    let version: BuildInfo
    let access: AccessControl
    private let crossOrigin: CrossOrigin
    private let reload: Reload
    private let router: Router<Endpoint>
    private let logger: Logger
    private let workers: [DispatchQueue]
    let answers = AnswerCache()
    private let nextWorker = Atomic<Int>(0)
    /// What was handed to the workers and has not begun.
    private let workWaiting = Atomic<Int>(0)
    private let inFlight = Atomic<Int>(0)

    /// Loads models and keys anew, and says what became of it when it is done.
    package typealias Reload = @Sendable (_ completion: @escaping @Sendable (ReloadReport) -> Void) -> Void

    package init(
        _ configuration: ServiceConfiguration, registry: ModelRegistry, queue: ModelQueue, metrics: ServiceMetrics,
        access: AccessControl = AccessControl(), version: BuildInfo, logger: Logger, reload: @escaping Reload
    ) throws {
        self.configuration = configuration
        self.registry = registry
        self.queue = queue
        self.metrics = metrics
        self.access = access
        crossOrigin = CrossOrigin(allowedOrigins: access.configuration.allowedOrigins)
        self.version = version
        self.reload = reload
        self.logger = logger
        router = try Router(Endpoint.routes)
        workers = (0..<max(1, configuration.threads)).map { DispatchQueue(label: "requests-\($0)") }
        metrics.gauges.readRequestsInFlight { [weak self] in self?.inFlight.load(ordering: .relaxed) ?? 0 }
        metrics.gauges.readQueue(limit: queue.limit) { [registry, weak queue] in
            // A model for which nothing waits has a depth too: autoscalers need a number.
            let idle = Dictionary(registry.models.map { ($0.name, 0) }) { first, _ in first }
            return idle.merging(queue?.depthByModel ?? [:]) { _, waiting in waiting }
        }
        metrics.gauges.readModels { [registry] in
            registry.models.map(ModelIdentity.init)
        }
        metrics.gauges.readLifecycle(
            ready: { [registry] in registry.isReady }, draining: { [registry] in registry.isDraining })
    }

    package func admit(_ head: RequestHead, id: String, peer: String) -> Admission {
        admit(head, id: id, client: access.client(head, peer: peer))
    }

    func admit(_ head: RequestHead, id: String, client: AccessControl.Client) -> Admission {
        inFlight.add(1, ordering: .relaxed)
        func refuse(_ response: Response) -> Admission { .refuse(decorated(response, for: head)) }
        switch router.route(head.method, head.target) {
        case .found(let match):
            guard let fault = access.refusal(client, match.handler, at: .now) ?? refusal(match.handler) else {
                return .accept(maxBodyBytes: configuration.maxBodyBytes) { [self] request, reply in
                    respond(to: request, match, reply: reply)
                }
            }
            metrics.recordRejection(reason: fault.code)
            count(fault, of: match.handler, model: namedModel(head.target, match.parameters))
            return refuse(failure(fault.httpError, head: head, id: id, route: match.template))
        case .options(let allow, let template):
            var response = Response.options(allow: allow).timed()
            response.route = template
            return refuse(response)
        case .failed(let error, let template):
            return refuse(failure(error, head: head, id: id, route: template))
        }
    }

    /// Why not even to read the body of such a request now.
    private func refusal(_ endpoint: Endpoint) -> ServiceFault? {
        guard endpoint.readsWeights else { return nil }
        guard endpoint.isInference else { return workRefusal() }
        return registry.isLoaded ? queue.refusal() : .starting
    }

    /// As many bodies may wait for a worker, to be read or to be drawn, as requests for a model.
    private func workRefusal() -> ServiceFault? {
        let waiting = workWaiting.load(ordering: .relaxed)
        guard waiting >= queue.limit else { return nil }
        return ServiceFault(ComputeQueueRefusal.full(waiting: waiting, limit: queue.limit), retryAfter: 1)
    }

    private func respond(
        to request: Request, _ match: Router<Endpoint>.Match, reply: @escaping @Sendable (Response) -> Void
    ) {
        let finish: @Sendable (Response) -> Void = { [self] response in
            var response = match.handler.readsWeights ? response.compressed(for: request.head) : response
            response.route = match.template
            reply(decorated(response, for: request.head))
        }
        if match.handler == .reload {
            return reload { report in finish(Self.answer(report).timed()) }
        }
        guard match.handler.readsWeights else {
            finish(answer(match.handler, match.parameters, request).timed())
            return
        }
        let upload: any UploadRequest =
            match.handler == .infer
            ? OpenInferenceRequest(self, request, match.parameters, finish)
            : InferenceRequest(self, request, match.handler, match.parameters, finish)
        if upload.isShort { return upload.start() }
        if let fault = workRefusal() {
            metrics.recordRejection(reason: fault.code)
            count(fault, of: match.handler, model: namedModel(request.head.target, match.parameters))
            return finish(failure(fault.httpError, head: request.head, id: request.id, route: match.template))
        }
        work { upload.start() }
    }

    /// Refuses a body that is there but not read yet: the queue may have filled since the request was admitted.
    func checkRoom() throws(ServiceFault) {
        guard let fault = queue.refusal() else { return }
        metrics.recordRejection(reason: fault.code)
        throw fault
    }

    /// Runs what takes longer than a health check may wait: reading bodies and writing answers.
    func work(_ body: @escaping @Sendable () -> Void) {
        let turn = UInt(bitPattern: nextWorker.wrappingAdd(1, ordering: .relaxed).oldValue)
        workWaiting.add(1, ordering: .relaxed)
        workers[Int(turn % UInt(workers.count))].async { [self] in
            workWaiting.subtract(1, ordering: .relaxed)
            body()
        }
    }

    package func response(to error: HTTPError, head: RequestHead?, id: String) -> Response {
        // The server's own refusals: too many connections, too many bytes held.
        if error.status == .serviceUnavailable { metrics.recordRejection(reason: error.code) }
        return decorated(failure(error, head: head, id: id, route: nil), for: head)
    }

    package func finished(_ record: AccessRecord) {
        // What could not be understood as a request was never admitted either.
        if record.method != nil { inFlight.subtract(1, ordering: .relaxed) }
        metrics.recordHTTP(
            method: record.method ?? "other", route: record.route ?? "unmatched", status: record.status,
            duration: record.duration)
        let level = level(of: record)
        guard level >= logger.logLevel else { return }
        var metadata: Logger.Metadata = [
            "request_id": "\(record.id)", "status": "\(record.status)", "peer": "\(record.peer)",
            "bytes_in": "\(record.bytesIn)", "bytes_out": "\(record.bytesOut)",
            "duration_ms": "\(Double(Int(record.duration / .microseconds(1))) / 1000)",
        ]
        if let trace = record.head.flatMap({ TraceContext($0.fields) }) { metadata["trace_id"] = "\(trace.traceID)" }
        if let method = record.method { metadata["method"] = "\(method)" }
        if let path = record.path { metadata["path"] = "\(path)" }
        if let reason = record.reason { metadata["reason"] = "\(reason)" }
        logger.log(level: level, "request", metadata: metadata)
    }

    /// Probes come every few seconds and say little; a refusal is the service working as it should.
    private func level(of record: AccessRecord) -> Logger.Level {
        if let route = record.route, Endpoint.probes.contains(route), record.reason != ServiceFault.stalled.code {
            return .debug
        }
        return record.status == 500 ? .error : record.status > 500 ? .warning : .info
    }

    /// The model that a request's path or query names, as far as there is one.
    func namedModel(_ target: RequestTarget, _ parameters: [String: String]) -> ServedModel? {
        try? registry.model(
            parameters["model"] ?? target.firstValue("model"),
            version: parameters["version"] ?? target.firstValue("version"))
    }

    /// Counts an inference request that ended in an error.
    func count(_ fault: ServiceFault, of endpoint: Endpoint, model: ServedModel?) {
        guard endpoint.isInference, let model else { return }
        let outcome: InferenceOutcome =
            switch fault.status.code {
            case 429, 503: .rejected
            case 499: .cancelled
            case 504: .deadlineExceeded
            case ..<500: .invalid
            default: .failure
            }
        metrics.recordInference(model: model.name, version: model.version, outcome: outcome, items: 0)
    }

    /// A model has answered a request.
    /// - Parameter items: networks that it could read.
    func countAnswer(_ model: ServedModel, items: Int, _ timing: RequestTiming) {
        metrics.recordInference(model: model.name, version: model.version, outcome: .success, items: items)
        metrics.statistics.recordSuccess(model: model.name, version: model.version, items: items, timing: timing)
    }

    /// A request to a model has ended in an error.
    func countFailure(_ model: ServedModel, _ timing: RequestTiming) {
        metrics.statistics.recordFailure(model: model.name, version: model.version, timing: timing)
    }

    /// Clients of the Open Inference Protocol read errors only as plain JSON.
    func failure(_ error: HTTPError, head: RequestHead?, id: String, route: String?) -> Response {
        let isOpenInference = head?.target.segments.first == "v2"
        var response =
            isOpenInference
            ? error.response(requestID: id, contentType: "application/json") : error.response(requestID: id)
        response.route = route
        return response.timed()
    }

    /// The answer with what it owes to the request's head, whatever it says.
    private func decorated(_ response: Response, for head: RequestHead?) -> Response {
        guard let head else { return response }
        var response = response
        crossOrigin.decorate(&response, for: head)
        if let trace = TraceContext(head.fields) { response.fields[TraceContext.fieldName] = trace.field }
        return response
    }
}

/// A request with weights, from its body to its answer.
protocol UploadRequest: Sendable {
    /// Whether its body is read sooner than another thread would be woken for it.
    var isShort: Bool { get }

    /// Reads the body and sees to it that the request is answered.
    func start()
}
