import Clocks
import ComputeQueue
import HTTPCore
import HTTPTypes
import ModelStore
import Networks
import NeuralFunctionals
import OpenInference
import Tensors
import WeightFormats

/// One request of the Open Inference Protocol on its way: body → tensors → networks → queue → tensors.
///
/// The protocol has no place for a network that fails alone: one that cannot be read fails the request.
struct OpenInferenceRequest: UploadRequest {
    private let service: ServiceHandler
    private let request: Request
    private let parameters: [String: String]
    private let reply: @Sendable (Response) -> Void

    init(
        _ service: ServiceHandler, _ request: Request, _ parameters: [String: String],
        _ reply: @escaping @Sendable (Response) -> Void
    ) {
        self.service = service
        self.request = request
        self.parameters = parameters
        self.reply = reply
    }

    var isShort: Bool {
        request.body.count <= InferenceRequest.shortBodyBytes && request.head.fields[.contentEncoding] == nil
    }

    func start() {
        var timing = RequestTiming()
        let model = service.namedModel(request.head.target, parameters)
        let began = Instant.now
        do throws(ServiceFault) {
            guard !request.cancellation.isCancelled else { throw ServiceFault(.cancelled) }
            try service.checkRoom()
            let model = try service.registry.model(parameters["model"], version: parameters["version"])
            let call = try read(model)
            timing.parse = .now - began
            service.metrics.recordParse(format: "open_inference", duration: timing.parse, bytes: call.byteCount)
            try compute(call, timing)
        } catch {
            timing.parse = .now - began
            service.count(error, of: .infer, model: model)
            fail(error, timing, model)
        }
    }

    /// What a request asks for, checked.
    private struct Call: Sendable {
        let model: ServedModel
        let id: String?
        /// Of the body without its content coding.
        let byteCount: Int
        let networks: [NetworkWeights]
        let outputs: [Output]
        let timeout: Duration?

        struct Output: Sendable {
            let kind: ModelOutput
            let isBinary: Bool
            let classCount: Int?
        }

        /// What has to be computed, each once.
        var operations: [Operation] {
            Operation.allCases.filter { operation in outputs.contains { $0.kind.operation == operation } }
        }
    }

    // MARK: Reading

    private func read(_ model: ServedModel) throws(ServiceFault) -> Call {
        let limits = service.configuration.formatLimits
        let infer: InferRequest
        let byteCount: Int
        do throws(FormatError) {
            let coding = request.head.fields[values: .contentEncoding].joined(separator: ",")
            let body = try ContentCoding.decode(request.body, contentEncoding: coding, limits: limits)
            byteCount = body.count
            infer = try InferRequest(
                body, documentLength: request.head.fields[.inferenceHeaderContentLength],
                rawInput: (model.flatInput.name, model.expectation.spec.parameterCount), limits: limits)
        } catch {
            throw ServiceFault(error)
        }
        return Call(
            model: model, id: infer.id, byteCount: byteCount, networks: try networks(infer, model),
            outputs: try outputs(infer, model), timeout: try timeout(infer.parameters))
    }

    private func networks(_ infer: InferRequest, _ model: ServedModel) throws(ServiceFault) -> [NetworkWeights] {
        let upload = try UploadConvention(
            convention: option("convention", infer, expected: "nfn, dws or auto") {
                RequestOptions.convention($0.string ?? "")
            } ?? nil,
            omega0: option("omega0", infer, expected: "a number above 0") {
                $0.double.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
            })
        do throws(NetworkError) {
            let reading = try NetworkReading(
                infer.inputs, expecting: model.expectation, limit: service.configuration.maxNetworks)
            return try reading.networks.map { network throws(NetworkError) in
                try model.prepare(network, upload).features
            }
        } catch {
            throw ServiceFault(error)
        }
    }

    private func option<Value>(
        _ name: String, _ infer: InferRequest, expected: String, _ read: (JSONValue) -> Value?
    ) throws(ServiceFault) -> Value? {
        guard let given = infer.parameters[name] else { return nil }
        guard let value = read(given) else {
            throw .badRequest("parameter '\(name)': expected \(expected)")
        }
        return value
    }

    /// In microseconds, as other servers of the protocol take it.
    private func timeout(_ parameters: InferParameters) throws(ServiceFault) -> Duration? {
        guard let given = parameters["timeout"] else { return nil }
        guard let microseconds = given.int, microseconds >= 0 else {
            throw .badRequest("parameter 'timeout': expected a whole number of microseconds")
        }
        return microseconds == 0 ? nil : .microseconds(microseconds)
    }

    private func outputs(_ infer: InferRequest, _ model: ServedModel) throws(ServiceFault) -> [Call.Output] {
        guard let wanted = infer.outputs, !wanted.isEmpty else {
            return model.modelOutputs.map {
                Call.Output(kind: $0, isBinary: infer.prefersBinary, classCount: nil)
            }
        }
        return try wanted.map { output throws(ServiceFault) in
            guard let kind = model.modelOutputs.first(where: { $0.rawValue == output.name }) else {
                let offered = model.modelOutputs.map(\.rawValue).joined(separator: ", ")
                throw .badRequest(
                    "model '\(model.name)' has no output '\(printable(output.name))'; it has \(offered)")
            }
            guard output.classCount == nil || kind.isByClass else {
                throw .badRequest("output '\(kind.rawValue)' holds no classes to name; logits and probabilities do")
            }
            return Call.Output(
                kind: kind, isBinary: output.isBinary ?? infer.prefersBinary,
                classCount: output.classCount.map { min($0, model.labels.count) })
        }
    }

    // MARK: Computing

    private func compute(_ call: Call, _ timing: RequestTiming) throws(ServiceFault) {
        try service.configuration.checkPictures(call.operations, of: call.networks.map(\.spec), by: call.model)
        let lane = ModelWork(model: call.model, operations: call.operations)
        let ticket: ModelQueue.Queue.Ticket
        do throws(ServiceFault) {
            ticket = try service.queue.submit(
                lane, call.networks, deadline: call.timeout.map { request.received + $0 }
            ) { [self] result in
                let finish: @Sendable () -> Void = { self.finish(result, call, timing) }
                if call.networks.count == 1 { finish() } else { service.work(finish) }
            }
        } catch {
            service.metrics.recordRejection(reason: error.code)
            throw error
        }
        request.cancellation.onCancel { ticket.cancel() }
    }

    private func finish(
        _ result: Result<ModelQueue.Queue.Computed, ComputeQueueError>, _ call: Call, _ timing: RequestTiming
    ) {
        var timing = timing
        do throws(ServiceFault) {
            let batch = try result.mapError(ServiceFault.init).get()
            timing.queue = batch.queueDuration
            timing.compute = batch.computeDuration
            let networks = try batch.outputs.map { output throws(ServiceFault) in try output.get() }
            let response = try response(call, networks, timing)
            service.countAnswer(call.model, items: networks.count, timing)
            reply(response)
        } catch {
            service.count(error, of: .infer, model: call.model)
            fail(error, timing, call.model)
        }
    }

    /// - Parameter networks: the results of each, in the order of the call's operations.
    private func response(
        _ call: Call, _ networks: [[[Float]]], _ timing: RequestTiming
    ) throws(ServiceFault) -> Response {
        let rows = Dictionary(
            uniqueKeysWithValues: call.operations.enumerated().map { place, operation in
                (operation, networks.map { $0[place] })
            })
        let outputs = call.outputs.map { output in
            let rows = rows[output.kind.operation] ?? []
            guard let count = output.classCount else {
                return InferResponse.Output(
                    name: output.kind.rawValue,
                    shape: [rows.count] + output.kind.description(call.model).shape,
                    values: output.kind.values(rows, call.model), isBinary: output.isBinary)
            }
            return InferResponse.Output(
                name: output.kind.rawValue, shape: [rows.count, count],
                values: .texts(output.kind.classes(rows, call.model, count: count)), isBinary: output.isBinary,
                classCount: count)
        }
        let response = InferResponse(
            modelName: call.model.name, modelVersion: call.model.version, id: call.id, outputs: outputs)
        guard let (body, documentLength) = response.encoded() else { throw .nonFiniteOutput }
        var answer = Response(
            .ok, contentType: documentLength == nil ? "application/json" : "application/octet-stream", body: body)
        if let documentLength { answer.fields[.inferenceHeaderContentLength] = String(documentLength) }
        return answer.timed(timing)
    }

    private func fail(_ fault: ServiceFault, _ timing: RequestTiming, _ model: ServedModel?) {
        if let model { service.countFailure(model, timing) }
        reply(service.failure(fault.httpError, head: request.head, id: request.id, route: nil).timed(timing))
    }
}

extension HTTPField.Name {
    static let inferenceHeaderContentLength = HTTPField.Name(token: "Inference-Header-Content-Length")
}
