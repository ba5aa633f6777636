import HTTPCore
import ModelStore
import Models

/// What the service serves.
enum Endpoint: Sendable, Hashable {
    case inference(Output)
    case render
    /// Inference in the form of the Open Inference Protocol.
    case infer
    case openInference(OpenInferencePage)
    case models
    case model
    case example
    case live
    case ready
    case metrics
    case version
    case index
    case openAPI
    /// Loads models and keys again.
    case reload

    /// Whether the body holds weights.
    var readsWeights: Bool {
        switch self {
        case .inference, .render, .infer: true
        default: false
        }
    }

    /// Whether a model answers it.
    var isInference: Bool {
        switch self {
        case .inference, .infer: true
        default: false
        }
    }

    /// Whether it tells the state of the service to probes.
    var isHealth: Bool {
        switch self {
        case .live, .ready, .openInference(.live), .openInference(.ready): true
        default: false
        }
    }

    var errorForm: ErrorForm {
        switch self {
        case .infer, .openInference: .plainJSON
        default: .problemDetails
        }
    }

    /// The form of errors on a path or method without an endpoint.
    static func errorForm(unmatched target: RequestTarget) -> ErrorForm {
        target.segments.first == OpenInferencePage.root ? .plainJSON : .problemDetails
    }

    /// Paths that probes and metrics collectors request.
    static let probes = routes.filter { $0.handler.isHealth || $0.handler == .metrics }.map(\.template)

    /// The table of paths. Inference is reachable with the model in the path, and with the model as an option.
    static let routes: [Router<Endpoint>.Route] = {
        var routes: [Router<Endpoint>.Route] = []
        let named: [(String, Endpoint)] =
            AnswerList.outputs.map { ($0.rawValue, .inference($0)) } + [("render", .render)]
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
        routes.append(.init("POST", "/admin/reload", .reload))
        return routes + OpenInferencePage.routes
    }()
}
