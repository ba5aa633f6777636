import HTTPCore
import Synchronization

/// Responses that are expensive to write and depend only on the models and on whether keys are needed.
final class PageCache: Sendable {
    /// What the responses depend on.
    struct Key: Equatable, Sendable {
        let models: [ModelIdentity]
        let needsKey: Bool
    }

    private struct Entries {
        var key: Key?
        var responses: [String: Response] = [:]
    }

    private let entries = Mutex(Entries())

    /// The response of that name, made by `make` unless it was made under the same key before.
    func response(
        _ name: String, under key: Key, make: () throws(ServiceFault) -> Response
    ) throws(ServiceFault) -> Response {
        let known = entries.withLock { entries in
            if entries.key != key { entries = Entries(key: key) }
            return entries.responses[name]
        }
        if let known { return known }
        let response = try make()
        entries.withLock { entries in
            if entries.key == key { entries.responses[name] = response }
        }
        return response
    }
}
