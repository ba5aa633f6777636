import ModelStore
import Models
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

    /// Replaces the served models. The first one is the default: it answers requests that name no model.
    package func publish(_ models: [ServedModel]) {
        state.withLock { state in
            state.models = models
            state.isReady = true
        }
    }

    /// From now on the service is not ready; requests that were admitted before are still answered.
    package func beginDraining() { state.withLock { $0.isDraining = true } }

    /// The default model first.
    package var models: [ServedModel] { state.withLock { $0.models } }
    /// Whether new requests should be sent: models are loaded, and the service is not draining.
    package var isReady: Bool { state.withLock { $0.isReady && !$0.isDraining } }
    /// Whether models are loaded, also while the service is draining.
    package var isLoaded: Bool { state.withLock { $0.isReady } }
    /// Whether the service is shutting down.
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    /// - Parameters:
    ///   - name: nil means the default model.
    ///   - version: nil means the first version of that name.
    func model(_ name: String?, version: String?) throws(ServiceFault) -> ServedModel {
        let (models, isLoaded) = state.withLock { ($0.models, $0.isReady) }
        guard isLoaded, let first = models.first else { throw .starting }
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
