import HTTPCore
import HTTPTypes
import Synchronization

/// What the service knows of one request beside its head; found once, and kept until the access log.
final class ServiceRequestContext: RequestContext {
    let route: String?
    let errorForm: ErrorForm
    /// The name of the key that the client showed, where it is known.
    let keyName: String?
    let trace: TraceContext?
    private let inference = Mutex<(model: String?, networks: Int)?>(nil)

    init(route: String?, errorForm: ErrorForm, client: AccessControl.Client, fields: HTTPFields) {
        self.route = route
        self.errorForm = errorForm
        trace = TraceContext(fields)
        if case .keyHolder(let owner) = client { keyName = owner.name } else { keyName = nil }
    }

    /// The model that answers and the number of networks, once the body is read.
    var answered: (model: String?, networks: Int)? { inference.withLock { $0 } }

    func note(model: String?, networks: Int) { inference.withLock { $0 = (model, networks) } }
}
