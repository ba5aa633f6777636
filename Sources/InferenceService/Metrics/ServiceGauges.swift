/// The program as built.
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

/// The service's state as read at each scrape. The closures given here live as long as the metrics do, so they should
/// hold weakly whatever holds the metrics.
package final class ServiceGauges: Sendable {
    private let queueDepth = Gauge(.queueDepth)
    private let queueLimit = Gauge(.queueLimit)
    private let requestsInFlight = Gauge(.requestsInFlight)
    private let connections = Gauge(.connections)
    private let buildInfo = Gauge(.buildInfo)
    private let modelInfo = Gauge(.modelInfo)
    private let loadFailures = Gauge(.loadFailures)
    private let ready = Gauge(.ready)
    private let draining = Gauge(.draining)

    init() {}

    var all: [any Metric] {
        [queueDepth, queueLimit, requestsInFlight, connections, buildInfo, modelInfo, loadFailures, ready, draining]
    }

    func setBuild(_ build: BuildInfo) {
        buildInfo.read { [([build.version, build.commit, build.swift], 1)] }
    }

    /// Waiting requests of each model, and how many may wait in all.
    package func readQueue(limit: Int, depthByModel: @escaping @Sendable () -> [String: Int]) {
        queueLimit.read { Double(limit) }
        queueDepth.read { depthByModel().map { ([$0], Double($1)) } }
    }

    package func readRequestsInFlight(_ count: @escaping @Sendable () -> Int) {
        requestsInFlight.read { Double(count()) }
    }

    /// Open connections by state, such as "active" and "idle".
    package func readConnections(_ countByState: @escaping @Sendable () -> [String: Int]) {
        connections.read { countByState().map { ([$0], Double($1)) } }
    }

    package func readModels(_ models: @escaping @Sendable () -> [ModelIdentity]) {
        modelInfo.read { Set(models()).map { ([$0.model, $0.version, $0.sha256], 1) } }
    }

    /// What could not be read when models and keys were loaded the last time.
    package func readLoadFailures(_ count: @escaping @Sendable () -> Int) {
        loadFailures.read { Double(count()) }
    }

    package func readLifecycle(ready: @escaping @Sendable () -> Bool, draining: @escaping @Sendable () -> Bool) {
        self.ready.read { ready() ? 1 : 0 }
        self.draining.read { draining() ? 1 : 0 }
    }
}
