import ModelStore
import Models

/// The program's version, commit and compiler.
package struct BuildInfo: Hashable, Sendable {
    package let version: String
    package let commit: String
    package let swift: String

    package init(version: String, commit: String, swift: String) {
        self.version = version
        self.commit = commit
        self.swift = swift
    }
}

/// A loaded model, as `weightspace_model_info` names it.
package struct ModelIdentity: Hashable, Sendable {
    package let model: String
    package let version: String
    package let sha256: String

    package init(model: String, version: String, sha256: String) {
        self.model = model
        self.version = version
        self.sha256 = sha256
    }
}

/// The service's state, read at each scrape. The closures live as long as the metrics, so they must hold weakly what
/// holds the metrics.
package final class ServiceGauges: Sendable {
    private let queueDepth = Gauge(.queueDepth)
    private let queueLimit = Gauge(.queueLimit)
    private let fitsWaiting = Gauge(.fitsWaiting)
    private let requestsInFlight = Gauge(.requestsInFlight)
    private let connections = Gauge(.connections)
    private let buildInfo = Gauge(.buildInfo)
    private let modelInfo = Gauge(.modelInfo)
    private let loadFailures = Gauge(.loadFailures)
    private let ready = Gauge(.ready)
    private let draining = Gauge(.draining)

    init() {}

    var all: [any Metric] {
        [
            queueDepth, queueLimit, fitsWaiting, requestsInFlight, connections, buildInfo, modelInfo, loadFailures,
            ready, draining,
        ]
    }

    func setBuild(_ build: BuildInfo) {
        buildInfo.read { [([build.version, build.commit, build.swift], 1)] }
    }

    /// Waiting requests of each model, and how many may wait in all.
    package func readQueue(limit: Int, depthByModel: @escaping @Sendable () -> [String: Int]) {
        queueLimit.read { Double(limit) }
        queueDepth.read { depthByModel().map { ([$0], Double($1)) } }
    }

    /// The state of the queue and of the models.
    func read(_ registry: ModelRegistry, _ queue: ModelQueue) {
        readQueue(limit: queue.limit) { [registry, weak queue] in
            // A model for which nothing waits is listed with 0, as autoscalers need a value.
            let idle = Dictionary(registry.models.map { ($0.name, 0) }) { first, _ in first }
            return idle.merging(queue?.depthByModel ?? [:]) { _, waiting in waiting }
        }
        readFits { [weak queue] in queue?.waitingTasks ?? 0 }
        readModels { [registry] in registry.models.map(ModelIdentity.init) }
        readLifecycle(ready: { [registry] in registry.isReady }, draining: { [registry] in registry.isDraining })
    }

    /// Requests with fits that wait for their first or next slice.
    package func readFits(_ count: @escaping @Sendable () -> Int) { fitsWaiting.read { Double(count()) } }

    /// Requests that are admitted and not finished.
    package func readRequestsInFlight(_ count: @escaping @Sendable () -> Int) {
        requestsInFlight.read { Double(count()) }
    }

    /// Open connections; the one state is `open`.
    package func readConnections(_ countByState: @escaping @Sendable () -> [String: Int]) {
        connections.read { countByState().map { ([$0], Double($1)) } }
    }

    /// The loaded models.
    package func readModels(_ models: @escaping @Sendable () -> [ModelIdentity]) {
        modelInfo.read { Set(models()).map { ([$0.model, $0.version, $0.sha256], 1) } }
    }

    /// Models and key files that could not be read when they were loaded last.
    package func readLoadFailures(_ count: @escaping @Sendable () -> Int) {
        loadFailures.read { Double(count()) }
    }

    /// Whether the service is ready, and whether it is shutting down.
    package func readLifecycle(ready: @escaping @Sendable () -> Bool, draining: @escaping @Sendable () -> Bool) {
        self.ready.read { ready() ? 1 : 0 }
        self.draining.read { draining() ? 1 : 0 }
    }
}
