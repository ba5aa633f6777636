import Engine
import HTTPCore
import HTTPTypes
import Host
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// The responses to requests without weights.
struct ServicePages: Sendable {
    let configuration: ServiceConfiguration
    let registry: ModelRegistry
    let queue: ModelQueue
    let metrics: ServiceMetrics
    let access: AccessControl
    let version: BuildInfo
    private let cache = PageCache()

    init(
        configuration: ServiceConfiguration, registry: ModelRegistry, queue: ModelQueue, metrics: ServiceMetrics,
        access: AccessControl, version: BuildInfo
    ) {
        self.configuration = configuration
        self.registry = registry
        self.queue = queue
        self.metrics = metrics
        self.access = access
        self.version = version
    }

    /// - Parameter parameters: from the path.
    func page(
        _ endpoint: Endpoint, _ parameters: [String: String], _ target: RequestTarget
    ) throws(ServiceFault) -> Response {
        func model() throws(ServiceFault) -> ServedModel {
            try registry.model(parameters["model"], version: target.firstValue("version"))
        }
        switch endpoint {
        case .live: return try live()
        case .ready: return try ready()
        case .models: return try models()
        case .model:
            let model = try model()
            // KServe's V1 protocol asks here whether the model is ready.
            if registry.isDraining { throw .draining }
            return describe(model)
        case .example:
            // A request body that the model accepts: an untrained network.
            let model = try model()
            return try cached("example of \(model.name) \(model.version)") { () throws(ServiceFault) in
                .json { $0.value(model.exampleRequest) }
            }
        case .metrics:
            return Response(.ok, contentType: PrometheusText.contentType, body: Array(metrics.render().utf8))
        case .version: return .json { write(version, to: &$0) }
        case .index: return index()
        case .openAPI: return try openAPI()
        case .openInference(let page): return try openInference(page, parameters)
        case .inference, .decode, .render, .fit, .edit, .infer, .predictInstances, .browserPage, .reload:
            throw .internalFault
        }
    }

    func live() throws(ServiceFault) -> Response {
        guard !queue.isStalled else { throw .stalled }
        return Self.alive
    }

    private static let alive: Response = {
        let answer = Response.json { writer in
            writer.beginObject()
            writer.member("live", true)
            writer.endObject()
        }
        return answer.timed()
    }()

    func ready() throws(ServiceFault) -> Response {
        if registry.isDraining { throw .draining }
        guard registry.isReady else { throw .starting }
        return .json { writer in
            writer.beginObject()
            writer.member("ready", true)
            writer.member("live", true)
            writer.endObject()
        }
    }

    private func models() throws(ServiceFault) -> Response {
        let standard = try registry.model(nil, version: nil)
        return .json { writer in
            writer.beginObject()
            writer.member("default", standard.name)
            writer.name("models")
            writer.array(registry.models) { writer, model in
                writer.beginObject()
                identify(model, to: &writer)
                describeInput(of: model, to: &writer)
                writer.endObject()
            }
            writer.endObject()
        }
    }

    private func describe(_ model: ServedModel) -> Response {
        .json { writer in
            writer.beginObject()
            identify(model, to: &writer)
            writer.member("ready", true)
            writer.name("labels")
            writer.array(model.labels) { writer, label in writer.value(label) }
            if let shape = model.shape(of: .latents) {
                writer.name("latent_shape")
                writer.array(shape) { writer, extent in writer.value(extent) }
            }
            describeInput(of: model, to: &writer)
            writer.name("card")
            writer.beginObject()
            for (name, value) in model.configuration.card.sorted(by: { $0.key < $1.key }) {
                switch value {
                case .text(let text): writer.member(name, text)
                case .number(let number): writer.member(name, number)
                }
            }
            writer.endObject()
            writer.endObject()
        }
    }

    /// `input`: what a model reads.
    private func describeInput(of model: ServedModel, to writer: inout JSONWriter) {
        let input = model.input
        writer.name("input")
        writer.beginObject()
        writer.member("reads", model.reads)
        writer.member("family", input.family.rawValue)
        writer.member("networks", model.expectation.summary)
        writer.name("sizes")
        writer.array(input.spec.sizes) { writer, size in writer.value(size) }
        switch input.family {
        case .siren:
            writer.member("omega0", input.transform.omega0)
            writer.member("convention", input.transform.convention.rawValue)
            writer.member("canonicalize", input.transform.isCanonical)
        case .cnn:
            writer.member("activation", input.transform.activation.rawValue)
            writer.member("canonical_scale", input.transform.hasCanonicalScale)
            writer.name("layouts")
            writer.array(FlatLayout.allCases) { writer, layout in writer.value(layout.rawValue) }
        }
        if let image = input.image {
            writer.name("image")
            writer.array([image.height, image.width, image.channels]) { writer, extent in writer.value(extent) }
        }
        writer.endObject()
    }

    private func identify(_ model: ServedModel, to writer: inout JSONWriter) {
        writer.identity(of: model)
        writer.member("task", model.task)
        writer.name("operations")
        writer.array(model.outputs) { writer, own in writer.value(own.output.rawValue) }
        guard !model.edits.isEmpty else { return }
        writer.name("edits")
        writer.array(model.edits) { writer, name in writer.value(name) }
    }

    private func openAPI() throws(ServiceFault) -> Response {
        try cached("openapi.json") { () throws(ServiceFault) in
            guard
                let document = OpenAPIDocument.document(
                    version: version.version, models: registry.models, needsKey: access.needsKey)
            else { throw .internalFault }
            return .json { $0.value(document) }
        }
    }

    /// A response that changes only with the models and with the need for keys.
    private func cached(
        _ name: String, _ make: () throws(ServiceFault) -> Response
    ) throws(ServiceFault) -> Response {
        let key = PageCache.Key(models: registry.models.map(ModelIdentity.init), needsKey: access.needsKey)
        return try cache.response(name, under: key, make: make)
    }

    /// The page of `/` for browsers.
    func browserPage(for head: RequestHead) -> Response { BrowserPage.installed?.response(to: head) ?? index() }

    private func index() -> Response {
        var response = Response.json { writer in
            writer.beginObject()
            writer.member("name", "weightspace")
            writer.member("version", version.version)
            // What clients of KServe's V1 protocol look for.
            writer.member("status", "alive")
            writer.name("paths")
            writer.array(Endpoint.routes) { writer, route in writer.value("\(route.method) \(route.template)") }
            writer.endObject()
        }
        response.fields[.vary] = "Accept"
        return response
    }

    private func write(_ version: BuildInfo, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", "weightspace")
        writer.member("version", version.version)
        writer.member("commit", version.commit)
        writer.member("swift", version.swift)
        writer.name("kernels")
        writer.beginObject()
        writer.member("own", OwnKernels.instructions)
        writer.member("openblas", OpenBLASKernels.inUse)
        writer.member("openblas_version", OpenBLASKernels.release)
        writer.endObject()
        writer.endObject()
    }
}
