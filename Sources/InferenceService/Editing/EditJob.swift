import Clocks
import ComputeQueue
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN

/// One request to `/v1/edit`: decode → steps, the exact ones on a worker queue and those of models in the queue → pictures
/// where asked for, on a worker queue → encode.
struct EditJob: Sendable {
    let request: Request
    let resources: JobResources
    let reply: JobReply

    /// What is known once the body is read.
    private struct Call: Sendable {
        let upload: EditUpload
        /// The model of each learned step, by the step's number.
        let models: [Int: ServedModel]

        var options: EditOptions { upload.options }
    }

    /// A request between two steps.
    private struct State: Sendable {
        var networks: [Result<EditedNetwork, ServiceFault>]
        var names: [String?]
        var timing: RequestTiming
        /// The first model that has edited; counted for the request.
        var model: ServedModel?

        /// Changes every network that has not failed.
        mutating func change(_ edit: (inout EditedNetwork) -> ServiceFault?) {
            for index in networks.indices {
                guard case .success(var network) = networks[index] else { continue }
                networks[index] = edit(&network).map { .failure($0) } ?? .success(network)
            }
        }
    }

    /// Reads the body and begins.
    func start() {
        var timing = RequestTiming()
        let began = Instant.now
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: nil)
            let models = resources.registry.models
            let upload = try EditUpload(
                request, resources.configuration, flatSpec: models.first?.expectation.spec)
            try upload.checkAnswer(resources.configuration)
            let call = Call(upload: upload, models: try self.models(upload.options))
            timing.parse = .now - began
            resources.metrics.recordParse(format: upload.format, duration: timing.parse, bytes: upload.byteCount)
            let first = call.models.min { $0.key < $1.key }?.value
            reply.context.note(model: first?.name, networks: upload.networks.count)
            if upload.isStrict { try ServiceFault.throwFirst(of: upload.networks) }
            advance(call, State(networks: upload.networks, names: upload.names, timing: timing, model: first), from: 0)
        } catch {
            timing.parse = .now - began
            reply.conclude(error, model: nil, timing: timing)
        }
    }

    /// The models that offer the learned steps: the one that the request names, or for each step the first that offers it.
    private func models(_ options: EditOptions) throws(ServiceFault) -> [Int: ServedModel] {
        var candidates = resources.registry.models
        if options.shared.model != nil || options.shared.version != nil {
            candidates = [try resources.registry.model(options.shared.model, version: options.shared.version)]
        }
        var models: [Int: ServedModel] = [:]
        for (index, step) in options.steps.enumerated() where !step.isExact {
            guard resources.registry.isLoaded else { throw .starting }
            guard let model = candidates.first(where: { $0.edits.contains(step.name) }) else {
                throw .noSuchEdit(step.name, served: resources.registry.models, named: options.shared.model)
            }
            models[index] = model
        }
        return models
    }

    // MARK: Steps

    private func advance(_ call: Call, _ state: State, from first: Int) {
        var state = state
        var began = Instant.now
        do throws(ServiceFault) {
            for index in first..<call.options.steps.count {
                try reply.checkWanted(timeout: call.options.shared.timeout)
                let step = call.options.steps[index]
                switch step.action {
                case .exact(let edit):
                    state.change { network in
                        do throws(EditError) {
                            try network.apply(edit, named: step.name)
                            return nil
                        } catch {
                            return ServiceFault(error)
                        }
                    }
                case .blend(let weight): try blend(&state, weight)
                case .learned(let amount):
                    guard let model = call.models[index] else { throw .internalFault }
                    state.timing.compute += .now - began
                    began = .now
                    return try submit(call, state, model, step.name, amount, next: index + 1)
                }
                if call.upload.isStrict { try ServiceFault.throwFirst(of: state.networks) }
            }
            let pictures = try draw(call, state)
            state.timing.compute += .now - began
            conclude(call, state, pictures: pictures)
        } catch {
            state.timing.compute += .now - began
            conclude(error, state)
        }
    }

    private func blend(_ state: inout State, _ weight: Double) throws(ServiceFault) {
        guard state.networks.count == 2 else {
            throw .badRequest(
                "option 'edits': blend needs exactly two networks in the request, received \(state.networks.count)")
        }
        try ServiceFault.throwFirst(of: state.networks)
        let (first, second) = (try state.networks[0].get(), try state.networks[1].get())
        do throws(EditError) {
            state.networks = [
                .success(
                    try EditedNetwork.blend(
                        first, second, weight: weight,
                        parameterLimit: resources.configuration.maxEditedParameters))
            ]
            state.names = [nil]
        } catch {
            throw ServiceFault(error)
        }
    }

    /// Queues the networks for a model's edit.
    private func submit(
        _ call: Call, _ state: State, _ model: ServedModel, _ name: String, _ amount: Double, next: Int
    ) throws(ServiceFault) {
        let prepared = state.networks.map { network in
            network.flatMap { network in
                Result { () throws(ServiceFault) in try network.prepared(for: model, named: name) }
            }
        }
        let read = state.networks.indices.compactMap { index in
            (try? prepared[index].get()).flatMap { _ in try? state.networks[index].get().network.weights.spec }
        }
        try resources.configuration.checkEdited(read, by: name, count: model.networkCount(ofEdit: name))
        if call.upload.isStrict { try ServiceFault.throwFirst(of: prepared) }
        let contents = prepared.compactMap { try? $0.get().content }
        let ticket = try resources.queue.submit(
            ModelWork(model: model, outputs: [.weights], edit: name), contents,
            deadline: call.options.shared.timeout.map { request.received + $0 }
        ) { [self] result in
            resources.workers.run {
                finish(result, prepared, call, state, model, name, amount, next: next)
            }
        }
        request.cancellation.onCancel { ticket.cancel() }
    }

    private func finish(
        _ result: Result<ModelQueue.Queue.Computed, ComputeQueueError>,
        _ prepared: [Result<PreparedNetwork, ServiceFault>], _ call: Call, _ state: State, _ model: ServedModel,
        _ name: String, _ amount: Double, next: Int
    ) {
        var state = state
        do throws(ServiceFault) {
            let computed = try result.mapError(ServiceFault.init).get()
            state.timing.queue += computed.queueDuration
            state.timing.compute += computed.computeDuration
            var outputs = computed.outputs.makeIterator()
            for (index, item) in prepared.enumerated() {
                state.networks[index] = item.flatMap { prepared in
                    Result { () throws(ServiceFault) in
                        guard let answers = try outputs.next()?.get(), case .weights(let edited)? = answers.first else {
                            throw .internalFault
                        }
                        var network = try state.networks[index].get()
                        try network.accept(
                            edited, to: prepared, by: model, amount: amount, named: name,
                            parameterLimit: resources.configuration.maxEditedParameters)
                        return network
                    }
                }
            }
            if call.upload.isStrict { try ServiceFault.throwFirst(of: state.networks) }
            advance(call, state, from: next)
        } catch {
            conclude(error, state)
        }
    }

    // MARK: Pictures and answer

    /// What the edited networks draw; nil where it is not asked for.
    private func draw(_ call: Call, _ state: State) throws(ServiceFault) -> [Result<Picture, ServiceFault>]? {
        guard let side = call.options.side else { return nil }
        // Blends and answers of several networks are wider than what was sent, so that the work is checked again.
        try resources.configuration.checkPictures(
            of: state.networks.compactMap { try? $0.get().network.weights.spec }, pixels: side * side)
        var pictures: [Result<Picture, ServiceFault>] = []
        for network in state.networks {
            try reply.checkWanted(timeout: call.options.shared.timeout)
            let picture = network.flatMap { network in
                Result { () throws(PictureError) in
                    try network.network.function().picture(height: side, width: side, sizeLimit: side)
                }.mapError(ServiceFault.init)
            }
            pictures.append(picture.flatMap { picture in ServiceFault.checked(.picture(picture)).map { _ in picture } })
        }
        return pictures
    }

    private func conclude(_ call: Call, _ state: State, pictures: [Result<Picture, ServiceFault>]?) {
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: call.options.shared.timeout)
            var networks = state.networks
            if let pictures {
                for (index, picture) in pictures.enumerated() {
                    if case .failure(let fault) = picture { networks[index] = .failure(fault) }
                }
            }
            if call.upload.isStrict { try ServiceFault.throwFirst(of: networks) }
            let writer = EditWriter(
                requestID: request.id, options: call.options, model: state.model,
                byteLimit: resources.configuration.maxEditAnswerBytes)
            let response = try writer.response(networks, state.names, pictures)
            let items = networks.count { if case .success = $0 { true } else { false } }
            reply.conclude(.answered(response, items: items), model: state.model, timing: state.timing)
        } catch {
            conclude(error, state)
        }
    }

    private func conclude(_ fault: ServiceFault, _ state: State) {
        reply.conclude(fault, model: state.model, timing: state.timing)
    }
}

extension ServiceConfiguration {
    /// Bounds the memory of edits that a model answers with several networks.
    /// - Parameter count: the networks that stand for one; the sum of so many has up to count² times its parameters.
    /// - Throws: `batch_too_large`.
    fileprivate func checkEdited(_ networks: [NetworkSpec], by name: String, count: Int) throws(ServiceFault) {
        guard count > 1 else { return }
        let parameters = networks.reduce(0.0) { $0 + Double($1.parameterCount) * Double(count * count) }
        guard parameters <= Double(maxEditedParameters) else {
            throw ServiceFault(
                .unprocessableContent, "batch_too_large", "Batch too large",
                "edit '\(name)' makes networks \(count) times as wide: the \(networks.count) of the request take up to \(Int(parameters)) weights and biases, allowed are \(maxEditedParameters); send fewer or narrower networks"
            )
        }
    }
}

extension ServiceFault {
    /// - Parameter named: the model that the request names.
    static func noSuchEdit(_ name: String, served: [ServedModel], named: String?) -> ServiceFault {
        let offering = served.filter { !$0.edits.isEmpty }
            .map { "model '\($0.name)' offers \($0.edits.joined(separator: ", "))" }
        let learned = offering.isEmpty ? "no model that is served offers edits" : offering.joined(separator: "; ")
        return ServiceFault(
            .notFound, "no_such_operation", "No such operation",
            "no edit\(named.map { " of model '\(printable($0))'" } ?? "") is named '\(printable(name))': exact edits are \(EditStep.exactForms.joined(separator: ", ")); \(learned)"
        )
    }
}
