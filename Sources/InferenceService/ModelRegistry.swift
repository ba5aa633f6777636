import ModelStore
import Synchronization

/// The models that are served, by name.
package final class ModelRegistry: Sendable {
    private struct State {
        var models: [ServedModel] = []
        var isReady = false
        var isDraining = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Makes the models available; the first one answers where a request names none.
    package func publish(_ models: [ServedModel]) {
        state.withLock { state in
            state.models = models
            state.isReady = true
        }
    }

    /// From now on the service is not ready; requests are still answered.
    package func beginDraining() { state.withLock { $0.isDraining = true } }

    /// In the order of `publish`.
    package var models: [ServedModel] { state.withLock { $0.models } }
    /// Whether models are loaded and the service does not drain.
    package var isReady: Bool { state.withLock { $0.isReady && !$0.isDraining } }
    /// Whether there are models, ready for new requests or only for those admitted before a drain.
    package var isLoaded: Bool { state.withLock { $0.isReady } }
    /// Whether the service is shutting down.
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    func model(_ name: String?, version: String?) throws(ServiceFault) -> ServedModel {
        // While draining, what was admitted is still answered.
        let (models, isReady) = state.withLock { ($0.models, $0.isReady) }
        guard isReady, let first = models.first else { throw .starting }
        let name = name ?? first.name
        let named = models.filter { $0.name == name }
        guard !named.isEmpty else { throw .noSuchModel(name, served: models.map(\.name)) }
        guard let model = named.first(where: { version == nil || $0.version == version }) else {
            throw .noSuchVersion(model: name, version ?? "", served: named.map(\.version))
        }
        return model
    }
}

extension ModelIdentity {
    package init(_ model: ServedModel) {
        self.init(model: model.name, version: model.version, sha256: model.sha256)
    }
}
