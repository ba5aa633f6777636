import HTTPCore
import HTTPTypes
import Logging
import ModelStore
import Models
import Synchronization
import WeightFormats

/// The service as the HTTP server sees it. It matches paths, asks `AdmissionControl`, starts jobs and answers with
/// pages.
///
/// Pages, short bodies and answers to one network are handled on the thread that has them; larger bodies, drawings and
/// larger answers on worker queues, so that they never delay a health check.
package final class ServiceHandler: RequestHandler {
    private let router: Router<Endpoint>
    private let access: AccessControl
    private let admission: AdmissionControl
    private let outcomes: OutcomeRecorder
    private let renderer: ResponseRenderer
    private let log: AccessLog
    private let pages: ServicePages
    private let reload: Reload
    let resources: JobResources
    private let inFlight = Atomic<Int>(0)

    /// Loads models and keys again, and reports the result when done.
    package typealias Reload = @Sendable (_ completion: @escaping @Sendable (ReloadReport) -> Void) -> Void

    /// - Parameters:
    ///   - version: shown by `/version` and `/v2`.
    ///   - logger: for the access log.
    ///   - reload: performs `POST /admin/reload`.
    package init(
        _ configuration: ServiceConfiguration, registry: ModelRegistry, queue: ModelQueue, metrics: ServiceMetrics,
        access: AccessControl = AccessControl(), version: BuildInfo, logger: Logger, reload: @escaping Reload
    ) throws {
        let workers = WorkerQueues(count: configuration.threads, limit: queue.limit)
        router = try Router(Endpoint.routes)
        self.access = access
        admission = AdmissionControl(access: access, registry: registry, queue: queue, workers: workers)
        outcomes = OutcomeRecorder(metrics: metrics)
        renderer = ResponseRenderer(
            crossOrigin: CrossOrigin(allowedOrigins: access.configuration.allowedOrigins))
        log = AccessLog(logger: logger)
        pages = ServicePages(
            configuration: configuration, registry: registry, queue: queue, metrics: metrics, access: access,
            version: version)
        self.reload = reload
        resources = JobResources(
            configuration: configuration, registry: registry, queue: queue, workers: workers, metrics: metrics)
        metrics.gauges.readRequestsInFlight { [weak self] in self?.inFlight.load(ordering: .relaxed) ?? 0 }
        metrics.gauges.read(registry, queue)
    }

    package func admit(_ head: RequestHead, id: String, peer: String) -> Admission {
        admit(head, id: id, client: access.client(head, peer: peer))
    }

    func admit(_ head: RequestHead, id: String, client: AccessControl.Client) -> Admission {
        inFlight.add(1, ordering: .relaxed)
        func context(_ route: String?, _ form: ErrorForm) -> ServiceRequestContext {
            ServiceRequestContext(route: route, errorForm: form, client: client, fields: head.fields)
        }
        func refuse(_ response: Response, _ context: ServiceRequestContext) -> Admission {
            .refuse(renderer.finished(response, for: head, context, compresses: false), context: context)
        }
        switch router.route(head.method, head.target) {
        case .found(let found):
            let match = found.replacing(found.handler.negotiated(for: head))
            let context = context(match.template, match.handler.errorForm)
            guard let fault = admission.refusal(client, match.handler) else {
                return .accept(maxBodyBytes: resources.configuration.maxBodyBytes, context: context) {
                    [self] request, reply in respond(to: request, match, context, reply)
                }
            }
            let named = ModelLookup(resources.registry, ModelSelection(match, head.target)).model
            outcomes.record(.refused(fault), of: match.handler, model: named, timing: nil)
            return refuse(renderer.failure(fault.httpError, id: id, form: context.errorForm), context)
        case .options(let allow, let template, let page):
            let context = context(template, page?.handler.errorForm ?? .problemDetails)
            var response = Response.options(allow: allow).timed()
            // Some load balancers probe by OPTIONS, so that the status must be that of GET. A preflight request of a
            // browser asks only what it may send, and its page could not read the answer to GET otherwise.
            if let page, page.handler.isProbe, head.fields[.accessControlRequestMethod] == nil,
                let fault = fault(of: page, head, client)
            {
                response = renderer.failure(fault.httpError, id: id, form: context.errorForm)
                response.fields[.allow] = allow.joined(separator: ", ")
            }
            return refuse(response, context)
        case .failed(var error, let template):
            if error.status == .notFound { error.detail += Endpoint.hint(unmatched: head.target) }
            let context = context(template, Endpoint.errorForm(unmatched: head.target))
            return refuse(renderer.failure(error, id: id, form: context.errorForm), context)
        }
    }

    /// Why GET on a page would fail now; nil where it would not.
    private func fault(
        of page: Router<Endpoint>.Match, _ head: RequestHead, _ client: AccessControl.Client
    ) -> ServiceFault? {
        if let fault = admission.refusal(client, page.handler) { return fault }
        do throws(ServiceFault) {
            _ = try pages.page(page.handler, page.parameters, head.target)
            return nil
        } catch {
            return error
        }
    }

    private func respond(
        to request: Request, _ match: Router<Endpoint>.Match, _ context: ServiceRequestContext,
        _ send: @escaping @Sendable (Response) -> Void
    ) {
        let finish: @Sendable (Response) -> Void = { [renderer] response in
            send(renderer.finished(response, for: request.head, context, compresses: false))
        }
        func reply() -> JobReply {
            JobReply(
                request: request, endpoint: match.handler, context: context, outcomes: outcomes, renderer: renderer,
                send: send)
        }
        switch match.handler {
        case .inference:
            start(NativeCodec(request, match.handler, match.parameters), reply())
        case .decode:
            start(DecodeCodec(request, match.handler, match.parameters), reply())
        case .infer:
            start(OpenInferenceCodec(request, match.parameters), reply())
        case .predictInstances:
            start(PredictCodec(request, match.parameters), reply())
        case .render:
            let codec = NativeCodec(request, match.handler, match.parameters)
            let reply = reply()
            let job = DrawingJob(codec: codec, request: request, resources: resources, reply: reply)
            run(reply, named: codec.named) { job.run() }
        case .fit:
            let reply = reply()
            let job = FitJob(request: request, resources: resources, reply: reply)
            run(reply, named: ModelSelection()) { job.start() }
        case .edit:
            let reply = reply()
            let job = EditJob(request: request, resources: resources, reply: reply)
            run(reply, named: ModelSelection(match, request.head.target)) { job.start() }
        case .browserPage:
            let response = pages.browserPage(for: request.head).timed()
            send(renderer.finished(response, for: request.head, context, compresses: false))
        case .reload: reload { report in finish(Self.answer(report).timed()) }
        default:
            do throws(ServiceFault) {
                finish(try pages.page(match.handler, match.parameters, request.head.target).timed())
            } catch {
                finish(renderer.failure(error.httpError, id: request.id, form: context.errorForm))
            }
        }
    }

    private func start(_ codec: some InferenceCodec, _ reply: JobReply) {
        let job = InferenceJob(codec: codec, request: reply.request, resources: resources, reply: reply)
        if Self.isTrivial(reply.request) { return job.start() }
        run(reply, named: codec.named) { job.start() }
    }

    /// Whether a request is read on the event loop, since waking another thread takes longer. Such a body holds no network,
    /// or the smallest one: it is short, cannot be inflated, and asks for no certification, also not with escapes of JSON.
    private static func isTrivial(_ request: Request) -> Bool {
        let body = request.body
        return body.count <= 128 && request.head.fields[.contentEncoding] == nil
            && !body.starts(with: [0x1f, 0x8b]) && !FileFormat.isArchive(body)
            && request.head.fields[.contentType]?.hasPrefix("multipart/") != true
            && request.head.target.firstValue("certify") == nil && !body.contains(UInt8(ascii: "\\"))
            && !String(decoding: body, as: UTF8.self).contains("certify")
    }

    /// Runs a job on a worker queue, or refuses it.
    private func run(_ reply: JobReply, named: ModelSelection, _ work: @escaping @Sendable () -> Void) {
        do throws(ServiceFault) {
            try resources.workers.submit(work)
        } catch {
            reply.conclude(error, model: ModelLookup(resources.registry, named).model, timing: nil)
        }
    }

    package func response(
        to error: HTTPError, head: RequestHead?, id: String, context: (any RequestContext)?
    ) -> Response {
        // The server's own refusals: too many connections, too many bytes held.
        if error.status == .serviceUnavailable { resources.metrics.recordRejection(reason: error.code) }
        guard let head, let context = context as? ServiceRequestContext else {
            return renderer.failure(error, id: id, form: .problemDetails)
        }
        let response = renderer.failure(error, id: id, form: context.errorForm)
        return renderer.finished(response, for: head, context, compresses: false)
    }

    package func finished(_ record: AccessRecord) {
        // A request that could not be parsed was never admitted.
        if record.method != nil { inFlight.subtract(1, ordering: .relaxed) }
        resources.metrics.recordHTTP(
            method: record.method ?? "other", route: record.route ?? "unmatched", status: record.status,
            duration: record.duration)
        log.write(record)
    }
}

extension ModelSelection {
    /// As far as a request's head gives them.
    fileprivate init(_ match: Router<Endpoint>.Match, _ target: RequestTarget) {
        self.init(
            name: match.parameters["model"] ?? target.firstValue("model"),
            version: match.parameters["version"] ?? target.firstValue("version"))
    }
}
