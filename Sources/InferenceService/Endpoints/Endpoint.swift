import HTTPContent
import HTTPCore
import ModelStore
import Models

/// What the service serves.
enum Endpoint: Sendable, Hashable {
    case inference(Output)
    case render
    /// Pictures drawn from latent arrays.
    case decode
    /// Networks fitted to pictures.
    case fit
    /// Networks whose pictures are edited.
    case edit
    /// Inference in the form of the Open Inference Protocol.
    case infer
    /// Inference in the form of KServe's V1 protocol.
    case predictInstances
    case openInference(OpenInferencePage)
    case models
    case model
    case example
    case live
    case ready
    case metrics
    case version
    case index
    /// `index` for browsers.
    case browserPage
    case openAPI
    /// Loads models and keys again.
    case reload

    /// Whether the body holds weights or pictures, which take time to read and to compute.
    var takesUploads: Bool {
        switch self {
        case .inference, .decode, .render, .fit, .edit, .infer, .predictInstances: true
        default: false
        }
    }

    /// Whether a model answers it.
    var isInference: Bool {
        switch self {
        case .inference, .decode, .infer, .predictInstances: true
        default: false
        }
    }

    /// Whether its requests are counted for the model that answers them.
    var countsForModel: Bool { isInference || self == .edit }

    /// Whether it tells the state of the service to probes.
    var isHealth: Bool {
        switch self {
        case .live, .ready, .openInference(.live), .openInference(.ready): true
        default: false
        }
    }

    /// Whether the status of its page tells a load balancer where to send requests.
    var isProbe: Bool { isHealth || self == .openInference(.modelReady) }

    var errorForm: ErrorForm {
        switch self {
        case .predictInstances: .errorMember
        case .infer, .openInference: .plainJSON
        default: .problemDetails
        }
    }

    /// What serves a request with this head: at `/` a page for clients that prefer HTML, as browsers do.
    func negotiated(for head: RequestHead) -> Endpoint {
        guard self == .index, BrowserPage.installed != nil,
            head.acceptedTypes.prefers("text/html", to: "application/json")
        else { return self }
        return .browserPage
    }

    /// The form of errors on a path or method without an endpoint.
    static func errorForm(unmatched target: RequestTarget) -> ErrorForm {
        let segments = target.segments
        if segments.first == OpenInferencePage.root { return .plainJSON }
        // A verb of KServe's V1 protocol, such as `/v1/models/M:explain`.
        let isVerb = segments.count == 3 && segments.starts(with: ["v1", "models"]) && segments[2].contains(":")
        return isVerb ? .errorMember : .problemDetails
    }

    /// What follows the error on a path that is not served: the nearest one that is, as `/v1/classify` for `/classify`.
    static func hint(unmatched target: RequestTarget) -> String {
        let path = target.path
        let nearest = path.utf8.count <= 64 ? nearestName(to: path, among: routes.map(\.template)) : nil
        return nearest.map { "; did you mean \($0)?" } ?? "; GET / lists the paths"
    }

    /// Paths that probes and metrics collectors request.
    static let probes = routes.filter { $0.handler.isHealth || $0.handler == .metrics }.map(\.template)

    /// The table of paths. Inference is reachable with the model in the path, and with the model as an option.
    static let routes: [Router<Endpoint>.Route] = {
        var routes: [Router<Endpoint>.Route] = []
        let named: [(String, Endpoint)] =
            AnswerList.outputs.map { ($0.rawValue, .inference($0)) }
            + [("decode", .decode), ("render", .render)]
        for (name, endpoint) in named {
            routes.append(.init("POST", "/v1/\(name)", endpoint))
            routes.append(.init("POST", "/v1/models/{model}/\(name)", endpoint))
        }
        let pages: [(String, Endpoint)] = [
            ("/", .index), ("/openapi.json", .openAPI), ("/v1/models", .models), ("/v1/models/{model}", .model),
            ("/v1/models/{model}/example", .example), ("/livez", .live), ("/healthz", .live), ("/readyz", .ready),
            ("/health", .ready), ("/ping", .ready), ("/metrics", .metrics), ("/version", .version),
        ]
        routes += pages.map { .init("GET", $0.0, $0.1) }
        routes.append(.init("POST", "/v1/fit", .fit))
        routes.append(.init("POST", "/v1/edit", .edit))
        routes.append(.init("POST", "/v1/models/{model}:predict", .predictInstances))
        routes.append(.init("POST", "/admin/reload", .reload))
        return routes + OpenInferencePage.routes
    }()
}
