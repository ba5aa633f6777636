import Clocks
import ComputeQueue
import HTTPCore
import HTTPTypes
import ModelStore
import Networks
import NeuralFunctionals
import WeightFormats

/// One request with weights on its way: body → networks → features → queue → answer.
struct InferenceRequest: UploadRequest {
    let service: ServiceHandler
    private let request: Request
    private let endpoint: Endpoint
    private let parameters: [String: String]
    let reply: @Sendable (Response) -> Void

    init(
        _ service: ServiceHandler, _ request: Request, _ endpoint: Endpoint, _ parameters: [String: String],
        _ reply: @escaping @Sendable (Response) -> Void
    ) {
        self.service = service
        self.request = request
        self.endpoint = endpoint
        self.parameters = parameters
        self.reply = reply
    }

    /// Bodies up to this size are read sooner than another thread is woken for it.
    static let shortBodyBytes = 32_768

    /// Small, and holding no more than it shows.
    var isShort: Bool {
        guard case .inference = endpoint, request.body.count <= Self.shortBodyBytes else { return false }
        let fields = request.head.fields
        let boundary = fields[.contentType].flatMap { try? Multipart.boundary(ofContentType: $0) }
        return !FileFormat.isArchive(request.body) && boundary == nil && fields[.contentEncoding] == nil
    }

    func start() {
        var model = service.namedModel(request.head.target, parameters)
        guard !request.cancellation.isCancelled else {
            let fault = ServiceFault(.cancelled)
            service.count(fault, of: endpoint, model: model)
            return fail(fault, RequestTiming())
        }
        let began = Instant.now
        var timing = RequestTiming()
        do throws(ServiceFault) {
            if endpoint.isInference { try service.checkRoom() }
            let upload = try Upload(request, limits: service.configuration.formatLimits)
            let options = try options(upload)
            model = try self.model(options)
            let prepared = try prepare(upload, options, model)
            timing.parse = .now - began
            service.metrics.recordParse(format: upload.format, duration: timing.parse, bytes: upload.byteCount)
            try compute(prepared, options, timing)
        } catch {
            timing.parse = .now - began
            service.count(error, of: endpoint, model: model)
            if let model { service.countFailure(model, timing) }
            fail(error, timing)
        }
    }

    /// The query speaks louder than the document, the path louder than both.
    private func options(_ upload: Upload) throws(ServiceFault) -> RequestOptions {
        var options = try RequestOptions(query: request.head.target.query, members: upload.members, form: upload.form)
        options.model = parameters["model"] ?? options.model
        if options.output == nil, acceptsPNG, endpoint == .render || endpoint == .inference(.reconstruct) {
            options.output = .png
        }
        return options
    }

    private var acceptsPNG: Bool {
        request.head.fields[values: .accept].contains { value in
            value.split(separator: ",").contains { range in
                let type = range.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
                return type.filter { $0 != " " && $0 != "\t" }.lowercased() == "image/png"
            }
        }
    }

    /// What is known of a request before anything is computed.
    struct Prepared {
        let model: ServedModel?
        let networks: [Result<PreparedNetwork, ServiceFault>]
        let isStrict: Bool

        /// Of the networks that could be read.
        var specs: [NetworkSpec] { networks.compactMap { try? $0.get().network.spec } }
    }

    /// The model asked for; drawing needs none.
    private func model(_ options: RequestOptions) throws(ServiceFault) -> ServedModel? {
        guard case .inference(let operation) = endpoint else {
            return options.model == nil
                ? nil : try service.registry.model(options.model, version: options.version)
        }
        let named = try service.registry.model(options.model, version: options.version)
        guard named.operations.contains(operation) else { throw .noSuchOperation(operation, model: named) }
        return named
    }

    private func prepare(
        _ upload: Upload, _ options: RequestOptions, _ model: ServedModel?
    ) throws(ServiceFault) -> Prepared {
        // Drawing needs no model, but a flat upload needs to be told its layers.
        let uploaded = try UploadedNetworks(
            upload, expecting: model?.expectation, flatSpec: service.registry.models.first?.expectation.spec,
            limit: service.configuration.maxNetworks, tensorLimit: service.configuration.maxTensors)
        let convention = UploadConvention(convention: options.convention, omega0: options.omega0)
        let networks = uploaded.networks.map { entry in
            entry.flatMap { network -> Result<PreparedNetwork, ServiceFault> in
                Result { () throws(NetworkError) in
                    guard let model else { return try PreparedNetwork(drawing: network, convention) }
                    return try model.prepare(network, convention)
                }.mapError(ServiceFault.init)
            }
        }
        let isStrict = options.isStrict || !uploaded.isBatch || options.output == .npy || options.output == .raw
        if isStrict { try ServiceFault.throwFirst(of: networks) }
        return Prepared(model: model, networks: networks, isStrict: isStrict)
    }

    private func compute(
        _ prepared: Prepared, _ options: RequestOptions, _ timing: RequestTiming
    ) throws(ServiceFault) {
        guard case .inference(let operation) = endpoint, let model = prepared.model else {
            return try draw(prepared, options, timing)
        }
        try service.configuration.checkPictures([operation], of: prepared.specs, by: model)
        let features = prepared.networks.compactMap { try? $0.get().features }
        let deadline = options.timeout.map { request.received + $0 }
        let service = service
        let ticket: ModelQueue.Queue.Ticket
        do throws(ServiceFault) {
            ticket = try service.queue.submit(
                ModelWork(model: model, operations: [operation]), features, deadline: deadline
            ) { [self] result in
                let finish: @Sendable () -> Void = { self.finish(result, prepared, operation, model, options, timing) }
                // An answer for one network is written sooner than another thread would be woken for it.
                if prepared.networks.count == 1 { finish() } else { service.work(finish) }
            }
        } catch {
            service.metrics.recordRejection(reason: error.code)
            throw error
        }
        request.cancellation.onCancel { ticket.cancel() }
    }

    private func finish(
        _ result: Result<ModelQueue.Queue.Computed, ComputeQueueError>, _ prepared: Prepared, _ operation: Operation,
        _ model: ServedModel, _ options: RequestOptions, _ timing: RequestTiming
    ) {
        var timing = timing
        do throws(ServiceFault) {
            let batch = try result.mapError(ServiceFault.init).get()
            timing.queue = batch.queueDuration
            timing.compute = batch.computeDuration
            var outputs = batch.outputs.makeIterator()
            let items = prepared.networks.enumerated().map { index, network in
                let outcome = network.flatMap { prepared in
                    (outputs.next() ?? .failure(.internalFault)).map { results in
                        value(results.first ?? [], operation, prepared, model)
                    }
                }
                return ItemAnswer(index: index, detection: try? network.get().detection, outcome: outcome)
            }
            let response = try response(kind(operation, model), items, prepared, options, timing)
            service.countAnswer(model, items: items.count { (try? $0.outcome.get()) != nil }, timing)
            reply(response)
        } catch {
            service.count(error, of: endpoint, model: model)
            service.countFailure(model, timing)
            fail(error, timing)
        }
    }

    private func kind(_ operation: Operation, _ model: ServedModel) -> AnswerKind {
        switch operation {
        case .classify: .classes
        case .encode: .latents(shape: model.latentShape ?? [])
        case .reconstruct: .reconstructions
        case .predict: .accuracy
        }
    }

    private func value(
        _ values: [Float], _ operation: Operation, _ prepared: PreparedNetwork, _ model: ServedModel
    ) -> ItemAnswer.Value {
        guard operation == .reconstruct, let image = model.manifest.input.image else { return .values(values) }
        let picture = Picture(height: image.height, width: image.width, channels: image.channels, values: values)
        let renderer = SIRENRenderer(
            omega0: Float(model.manifest.input.omega0), convention: model.manifest.input.convention)
        let own = try? renderer.picture(of: prepared.network, height: image.height, width: image.width)
        return .picture(picture, reference: own)
    }

    /// The answers to the request's networks, written; in a strict request one without an answer fails them all.
    func response(
        _ kind: AnswerKind, _ items: [ItemAnswer], _ prepared: Prepared, _ options: RequestOptions,
        _ timing: RequestTiming
    ) throws(ServiceFault) -> Response {
        if prepared.isStrict {
            try ServiceFault.throwFirst(of: items.map(\.outcome))
        }
        let writer = AnswerWriter(requestID: request.id, model: prepared.model, options: options)
        return try writer.response(kind, items).timed(timing)
    }

    /// Whether there is still somebody who waits for the answer.
    func checkWanted(_ options: RequestOptions) throws(ServiceFault) {
        if request.cancellation.isCancelled { throw ServiceFault(.cancelled) }
        if let timeout = options.timeout, .now >= request.received + timeout { throw ServiceFault(.deadlineExceeded) }
    }

    private func fail(_ fault: ServiceFault, _ timing: RequestTiming) {
        reply(service.failure(fault.httpError, head: request.head, id: request.id, route: nil).timed(timing))
    }
}
