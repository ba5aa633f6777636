import Clocks
import HTTPCore

/// Decides on a request's head: whether the client may ask for it, and whether there is room for it.
struct AdmissionControl: Sendable {
    let access: AccessControl
    let registry: ModelRegistry
    let queue: ModelQueue
    let workers: WorkerQueues

    /// Why the request is refused before its body is read; nil where it is admitted.
    func refusal(
        _ client: AccessControl.Client, _ endpoint: Endpoint, at now: @autoclosure () -> Instant = .now
    ) -> ServiceFault? {
        if let fault = access.refusal(client, endpoint, at: now()) { return fault }
        guard endpoint.takesUploads else { return nil }
        guard endpoint.isInference else { return workers.refusal() }
        return registry.isLoaded ? queue.refusal() : .starting
    }
}
