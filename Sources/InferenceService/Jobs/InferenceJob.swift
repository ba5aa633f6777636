import Clocks
import ComputeQueue
import HTTPCore
import ModelStore
import Models

/// What jobs share.
struct JobResources: Sendable {
    let configuration: ServiceConfiguration
    let registry: ModelRegistry
    let queue: ModelQueue
    let workers: WorkerQueues
    let metrics: ServiceMetrics
}

/// One inference request, from its complete body to its response: decode → queue → encode.
struct InferenceJob<Codec: InferenceCodec>: Sendable {
    let codec: Codec
    let request: Request
    let resources: JobResources
    let reply: JobReply

    /// Reads the body and queues its networks.
    func start() {
        var lookup = ModelLookup(resources.registry, codec.named)
        var timing = RequestTiming()
        let began = Instant.now
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: nil)
            let (call, details) = try codec.decode(&lookup, resources.configuration)
            timing.parse = .now - began
            resources.metrics.recordParse(format: call.format, duration: timing.parse, bytes: call.byteCount)
            reply.context.note(model: call.model.name, networks: call.items.count)
            try resources.configuration.checkPictures(of: call)
            submit(call, details, timing)
        } catch {
            timing.parse = .now - began
            reply.conclude(error, model: lookup.model, timing: timing)
        }
    }

    private func submit(_ call: InferenceCall, _ details: Codec.Details, _ timing: RequestTiming) {
        do throws(ServiceFault) {
            let contents = call.contents
            let ticket = try resources.queue.submit(
                ModelWork(model: call.model, outputs: call.outputs), contents,
                deadline: call.timeout.map { request.received + $0 }
            ) { [self] result in
                let finish: @Sendable () -> Void = { self.finish(result, call, details, timing) }
                // The answer to one network is written on the compute thread: waking another would take longer.
                if contents.count == 1, !call.networks.isEmpty { finish() } else { resources.workers.run(finish) }
            }
            request.cancellation.onCancel { ticket.cancel() }
        } catch {
            reply.conclude(error, model: call.model, timing: timing)
        }
    }

    private func finish(
        _ result: Result<ModelQueue.Queue.Computed, ComputeQueueError>, _ call: InferenceCall,
        _ details: Codec.Details, _ timing: RequestTiming
    ) {
        var timing = timing
        do throws(ServiceFault) {
            let computed = try result.mapError(ServiceFault.init).get()
            timing.queue = computed.queueDuration
            timing.compute = computed.computeDuration
            let answers = call.answers(computed.outputs)
            let response = try codec.encode(answers, to: call, details)
            let items = answers.items.count { if case .success = $0 { true } else { false } }
            reply.conclude(.answered(response, items: items), model: call.model, timing: timing)
        } catch {
            reply.conclude(error, model: call.model, timing: timing)
        }
    }
}
