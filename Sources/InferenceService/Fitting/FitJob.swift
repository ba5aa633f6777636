import Clocks
import ComputeQueue
import Datasets
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import Networks
import NeuralFunctionals
import SIREN
import Synchronization

/// A network that was fitted to a picture of a request.
struct FittedPicture: Sendable {
    let picture: FitPicture
    let network: NetworkWeights
    /// In dB.
    let psnr: Float
    /// Steps of Adam.
    let steps: Int
    /// That the fit computed.
    let duration: Duration
}

/// One request to `/v1/fit`: decode → fit in slices between the requests of the queue → classify where asked to → encode.
struct FitJob: Sendable {
    let request: Request
    let resources: JobResources
    let reply: JobReply

    /// What is known once the body is read.
    private struct Call: Sendable {
        let upload: FitUpload
        /// The models that may classify, the default first.
        let classifiers: [ServedModel]
        let submitted: Instant
    }

    /// Reads the body and queues the fits.
    func start() {
        var timing = RequestTiming()
        let began = Instant.now
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: nil)
            let upload = try FitUpload(request, resources.configuration)
            let classifiers = upload.options.classifies ? try self.classifiers() : []
            timing.parse = .now - began
            resources.metrics.recordParse(format: upload.format, duration: timing.parse, bytes: upload.byteCount)
            reply.context.note(model: classifiers.first?.name, networks: upload.pictures.count)
            submit(Call(upload: upload, classifiers: classifiers, submitted: .now), timing)
        } catch {
            timing.parse = .now - began
            reply.conclude(error, model: nil, timing: timing)
        }
    }

    private func classifiers() throws(ServiceFault) -> [ServedModel] {
        let standard = try resources.registry.model(nil, version: nil)
        let models = resources.registry.models
        let offering = models.filter { $0.offers(.classes) }
        guard !offering.isEmpty else { throw .noSuchOperation(.classes, model: standard, served: models) }
        return offering
    }

    // MARK: Fitting

    /// The fits of a request. Only the loop that has its turn uses it.
    private struct Progress: Sendable {
        var fit: PictureFit?
        var duration: Duration = .zero
        var results: [Result<FittedPicture, ServiceFault>] = []
        var timing: RequestTiming
        var hasBegun = false
    }

    private func submit(_ call: Call, _ timing: RequestTiming) {
        let box = ProgressBox(Progress(timing: timing))
        let deadline = call.upload.options.shared.timeout.map { request.received + $0 }
        let task = BackgroundTask(price: call.upload.operations, deadline: deadline) { [self] in
            box.progress.withLock { advance(call, &$0) }
        } leave: { [self] error in
            let (timing, fitted) = box.progress.withLock { ($0.timing, $0.results.count) }
            end(call, fitted: fitted, ServiceFault(error), timing)
        }
        do throws(ServiceFault) {
            let ticket = try resources.queue.submit(task)
            request.cancellation.onCancel { ticket.cancel() }
        } catch {
            reply.conclude(error, model: nil, timing: timing)
        }
    }

    /// A lock that two closures share.
    private final class ProgressBox: Sendable {
        let progress: Mutex<Progress>

        init(_ progress: Progress) { self.progress = Mutex(progress) }
    }

    /// Computes one slice.
    private func advance(_ call: Call, _ progress: inout Progress) -> BackgroundProgress {
        let began = Instant.now
        if !progress.hasBegun {
            progress.hasBegun = true
            progress.timing.queue = began - call.submitted
        }
        let until = began + resources.configuration.fitSlice
        repeat {
            guard progress.results.count < call.upload.pictures.count else { break }
            do throws(ServiceFault) {
                try checkWanted(call, progress)
            } catch {
                progress.timing.compute += .now - began
                end(call, fitted: progress.results.count, error, progress.timing)
                return .abandoned
            }
            fit(call, &progress, until: until)
        } while .now < until
        progress.timing.compute += .now - began
        guard progress.results.count == call.upload.pictures.count else { return .unfinished }
        let (results, timing) = (progress.results, progress.timing)
        resources.workers.run { finish(call, results, timing) }
        return .complete
    }

    /// Ends a request before all its pictures are fitted.
    private func end(_ call: Call, fitted: Int, _ fault: ServiceFault, _ timing: RequestTiming) {
        resources.metrics.recordFailedFits(
            call.upload.pictures.count - fitted, outcome: InferenceOutcome(fault))
        reply.conclude(fault, model: nil, timing: timing)
    }

    /// Takes steps of the fit that is under way, or of the next one.
    private func fit(_ call: Call, _ progress: inout Progress, until: Instant) {
        let recipe = call.upload.options.recipe
        let picture: FitPicture
        switch call.upload.pictures[progress.results.count] {
        case .failure(let fault):
            resources.metrics.recordFailedFits(1, outcome: InferenceOutcome(fault))
            return progress.results.append(.failure(fault))
        case .success(let own): picture = own
        }
        let began = Instant.now
        var fit: PictureFit
        if let own = progress.fit {
            fit = own
        } else {
            fit = PictureFit(recipe, height: picture.height, width: picture.width, channels: picture.channels)
            fit.begin(picture.values)
        }
        let hasEnded = fit.advance { .now < until && !request.cancellation.isCancelled }
        guard hasEnded else {
            progress.fit = fit
            progress.duration += .now - began
            return
        }
        let fitted = fit.result()
        let result = Result { () throws(ServiceFault) in
            guard fitted.psnr.isFinite, fitted.weights.allSatisfy(\.isFinite) else {
                throw ServiceFault(
                    .unprocessableContent, "fit_diverged", "Fit diverged",
                    "the weights are not finite after \(fit.stepsTaken) steps; choose fewer hidden neurons or another seed"
                )
            }
            let network = Result { () throws(NetworkError) in
                try NetworkWeights(
                    spec: NetworkSpec(sizes: recipe.sizes(channels: picture.channels)), flat: fitted.weights,
                    convention: recipe.convention)
            }
            return FittedPicture(
                picture: picture, network: try network.mapError(ServiceFault.init).get(), psnr: fitted.psnr,
                steps: fit.stepsTaken, duration: progress.duration + (.now - began))
        }
        switch result {
        case .success(let network):
            resources.metrics.recordFit(
                steps: network.steps, psnr: Double(network.psnr), duration: network.duration)
        case .failure(let fault): resources.metrics.recordFailedFits(1, outcome: InferenceOutcome(fault))
        }
        progress.results.append(result)
        (progress.fit, progress.duration) = (nil, .zero)
    }

    private func checkWanted(_ call: Call, _ progress: Progress) throws(ServiceFault) {
        if request.cancellation.isCancelled { throw ServiceFault(.cancelled) }
        guard let timeout = call.upload.options.shared.timeout, .now >= request.received + timeout else { return }
        let steps = progress.fit?.stepsTaken ?? 0
        throw ServiceFault(
            .gatewayTimeout, "deadline_exceeded", "Deadline exceeded",
            "timeout_ms ran out after \(progress.results.count) of \(call.upload.pictures.count) pictures and \(steps) of \(call.upload.options.recipe.steps) steps of the next one"
        )
    }

    // MARK: Classification and answer

    private func finish(_ call: Call, _ results: [Result<FittedPicture, ServiceFault>], _ timing: RequestTiming) {
        do throws(ServiceFault) {
            if results.count == 1 || call.upload.options.shared.isStrict || call.upload.options.output != .json {
                try ServiceFault.throwFirst(of: results, noun: "picture")
            }
            let networks = results.compactMap { try? $0.get().network }
            guard !call.classifiers.isEmpty, !networks.isEmpty else {
                return conclude(call, results, nil, timing)
            }
            try classify(networks, call) { [self] classified in
                var timing = timing
                timing.queue += classified.queue
                timing.compute += classified.compute
                conclude(call, results, classified, timing)
            }
        } catch {
            reply.conclude(error, model: nil, timing: timing)
        }
    }

    /// Queues the networks for the first classifier that reads one of them.
    private func classify(
        _ networks: [NetworkWeights], _ call: Call, _ completion: @escaping @Sendable (FitClassification) -> Void
    ) throws(ServiceFault) {
        let recipe = call.upload.options.recipe
        var claims = NotationClaims()
        if let preset = NotationPreset(rawValue: recipe.convention.rawValue) { claims = NotationClaims(preset) }
        var chosen: (model: ServedModel, prepared: [Result<PreparedNetwork, ServiceFault>])?
        for model in call.classifiers {
            let prepared = networks.map { network in
                Result { () throws(NetworkError) in try model.prepare(network, claims, for: .classes) }
                    .mapError(ServiceFault.init)
            }
            let reads = prepared.contains { if case .success = $0 { true } else { false } }
            if chosen == nil || reads { chosen = (model, prepared) }
            if reads { break }
        }
        guard let (model, prepared) = chosen else { throw .internalFault }
        let ticket = try resources.queue.submit(
            ModelWork(model: model, outputs: [.classes]), prepared.compactMap { try? $0.get().content },
            deadline: call.upload.options.shared.timeout.map { request.received + $0 }
        ) { [resources] result in
            let computed = Result { () throws(ComputeQueueError) in try result.get() }.mapError(ServiceFault.init)
            var outputs = ((try? computed.get())?.outputs ?? []).makeIterator()
            let answers = prepared.map { network in
                network.flatMap { _ -> Result<Classification, ServiceFault> in
                    if case .failure(let fault) = computed { return .failure(fault) }
                    guard case .success(let answers)? = outputs.next(), case .classes(let classes)? = answers.first
                    else { return .failure(.internalFault) }
                    return .success(classes)
                }
            }
            let times = try? computed.get()
            let classified = FitClassification(
                model: model, answers: answers, queue: times?.queueDuration ?? .zero,
                compute: times?.computeDuration ?? .zero)
            resources.workers.run { completion(classified) }
        }
        request.cancellation.onCancel { ticket.cancel() }
    }

    private func conclude(
        _ call: Call, _ results: [Result<FittedPicture, ServiceFault>], _ classified: FitClassification?,
        _ timing: RequestTiming
    ) {
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: call.upload.options.shared.timeout)
            let writer = FitWriter(requestID: request.id, options: call.upload.options)
            let response = try writer.response(results, classified)
            let items = results.count { if case .success = $0 { true } else { false } }
            reply.conclude(.answered(response, items: items), model: classified?.model, timing: timing)
        } catch {
            reply.conclude(error, model: classified?.model, timing: timing)
        }
    }
}

/// What a classifier answers to the fitted networks.
struct FitClassification: Sendable {
    let model: ServedModel
    /// In the order of the networks, without the pictures that have none.
    let answers: [Result<Classification, ServiceFault>]
    let queue: Duration
    let compute: Duration
}
