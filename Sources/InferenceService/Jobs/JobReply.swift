import Clocks
import ComputeQueue
import HTTPCore
import HTTPTypes
import ModelStore
import Models

/// The end of one request with weights: counts its outcome, notes it for the access log and sends the response.
struct JobReply: Sendable {
    let request: Request
    let endpoint: Endpoint
    let context: ServiceRequestContext
    let outcomes: OutcomeRecorder
    let renderer: ResponseRenderer
    let send: @Sendable (Response) -> Void

    /// - Parameters:
    ///   - model: nil for drawings without one, and where none was found.
    ///   - timing: nil where the body was not read.
    func conclude(_ fault: ServiceFault, model: ServedModel?, timing: RequestTiming?) {
        let isRefusal = InferenceOutcome(fault) == .rejected
        conclude(isRefusal ? .refused(fault) : .failed(fault), model: model, timing: timing)
    }

    /// - Parameters:
    ///   - model: nil for drawings without one, and where none was found.
    ///   - timing: nil where the body was not read.
    func conclude(_ outcome: JobOutcome, model: ServedModel?, timing: RequestTiming?) {
        outcomes.record(outcome, of: endpoint, model: model, timing: timing)
        let response =
            switch outcome {
            case .answered(let response, _): response
            case .failed(let fault), .refused(let fault):
                renderer.failure(fault.httpError, id: request.id, form: context.errorForm)
            }
        send(renderer.finished(response.timed(timing), for: request.head, context, compresses: true))
    }

    /// Whether the client still waits for the answer.
    func checkWanted(timeout: Duration?) throws(ServiceFault) {
        if request.cancellation.isCancelled { throw ServiceFault(.cancelled) }
        if let timeout, .now >= request.received + timeout { throw ServiceFault(.deadlineExceeded) }
    }
}

/// How a request with weights ended.
enum JobOutcome: Sendable {
    /// - Parameter items: networks with an answer.
    case answered(Response, items: Int)
    case failed(ServiceFault)
    /// Refused for lack of room or of permission.
    case refused(ServiceFault)
}

/// Counts the outcomes of requests; nothing else does.
struct OutcomeRecorder: Sendable {
    let metrics: ServiceMetrics

    /// - Parameter timing: nil for a request that was refused before its body was read; it is not part of the model's
    ///   statistics.
    func record(_ outcome: JobOutcome, of endpoint: Endpoint, model: ServedModel?, timing: RequestTiming?) {
        if case .refused(let fault) = outcome { metrics.recordRejection(reason: fault.code) }
        guard endpoint.countsForModel, let model else { return }
        let (name, version) = (model.name, model.version)
        switch outcome {
        case .answered(_, let items):
            metrics.recordInference(model: name, version: version, outcome: .success, items: items)
            metrics.statistics.recordSuccess(
                model: name, version: version, items: items, timing: timing ?? RequestTiming())
        case .failed(let fault), .refused(let fault):
            metrics.recordInference(model: name, version: version, outcome: InferenceOutcome(fault), items: 0)
            if let timing { metrics.statistics.recordFailure(model: name, version: version, timing: timing) }
        }
    }
}

extension InferenceOutcome {
    init(_ fault: ServiceFault) {
        self =
            switch fault.status.code {
            case 429, 503: .rejected
            case 499: .cancelled
            case 504: .deadlineExceeded
            case ..<500: .invalid
            default: .failure
            }
    }
}
