import HTTPCore
import HTTPTypes
import ModelStore
import Networks
import NeuralFunctionals
import Tensors
import WeightFormats

/// Answers that need no weights.
extension ServiceHandler {
    func answer(_ endpoint: Endpoint, _ parameters: [String: String], _ request: Request) -> Response {
        do throws(ServiceFault) {
            switch endpoint {
            case .live: return try live()
            case .ready: return try ready()
            case .models: return try models()
            case .model:
                return describe(
                    try registry.model(parameters["model"], version: request.head.target.firstValue("version")))
            case .example:
                // A request body that the model accepts: an untrained network.
                let model = try registry.model(
                    parameters["model"], version: request.head.target.firstValue("version"))
                return try kept("example of \(model.name) \(model.version)") { () throws(ServiceFault) in
                    Self.json { $0.value(model.exampleRequest) }
                }
            case .metrics:
                return Response(.ok, contentType: PrometheusText.contentType, body: Array(metrics.render().utf8))
            case .version: return Self.json { write(version, to: &$0) }
            case .index: return index()
            case .openAPI: return try openAPI()
            case .openInference(let page): return try answer(page, parameters)
            case .inference, .render, .infer, .reload: throw .internalFault
            }
        } catch {
            return failure(error.httpError, head: request.head, id: request.id, route: nil)
        }
    }

    private func live() throws(ServiceFault) -> Response {
        guard !queue.isStalled else { throw .stalled }
        return Self.alive
    }

    private static let alive: Response = {
        let answer = json { writer in
            writer.beginObject()
            writer.member("live", true)
            writer.endObject()
        }
        return answer.timed()
    }()

    private func ready() throws(ServiceFault) -> Response {
        if registry.isDraining { throw .draining }
        guard registry.isReady else { throw .starting }
        return Self.json { writer in
            writer.beginObject()
            writer.member("ready", true)
            writer.member("live", true)
            writer.endObject()
        }
    }

    private func models() throws(ServiceFault) -> Response {
        let standard = try registry.model(nil, version: nil)
        return Self.json { writer in
            writer.beginObject()
            writer.member("default", standard.name)
            writer.name("models")
            writer.array(registry.models) { writer, model in
                writer.beginObject()
                identify(model, to: &writer)
                writer.endObject()
            }
            writer.endObject()
        }
    }

    private func describe(_ model: ServedModel) -> Response {
        Self.json { writer in
            writer.beginObject()
            identify(model, to: &writer)
            writer.name("labels")
            writer.array(model.labels) { writer, label in writer.value(label) }
            if let shape = model.latentShape {
                writer.name("latent_shape")
                writer.array(shape) { writer, extent in writer.value(extent) }
            }
            let input = model.manifest.input
            writer.name("input")
            writer.beginObject()
            writer.member("family", input.family.rawValue)
            writer.member("networks", model.expectation.summary)
            writer.name("sizes")
            writer.array(input.sizes) { writer, size in writer.value(size) }
            if input.family == .siren {
                writer.member("omega0", input.omega0)
                writer.member("convention", input.convention.rawValue)
                writer.member("canonicalize", input.canonicalizes)
            }
            if let image = input.image {
                writer.name("image")
                writer.array([image.height, image.width, image.channels]) { writer, extent in writer.value(extent) }
            }
            writer.endObject()
            writer.name("card")
            writer.beginObject()
            for (name, value) in model.manifest.card.sorted(by: { $0.key < $1.key }) {
                switch value {
                case .text(let text): writer.member(name, text)
                case .number(let number): writer.member(name, number)
                }
            }
            writer.endObject()
            writer.endObject()
        }
    }

    private func identify(_ model: ServedModel, to writer: inout JSONWriter) {
        writer.identity(of: model)
        writer.member("task", model.manifest.task.rawValue)
        writer.name("operations")
        writer.array(model.operations) { writer, operation in writer.value(operation.rawValue) }
    }

    private func openAPI() throws(ServiceFault) -> Response {
        try kept("openapi.json") { () throws(ServiceFault) in
            guard
                let document = OpenAPIDocument.document(
                    version: version.version, models: registry.models, needsKey: access.needsKey)
            else { throw .internalFault }
            return Self.json { $0.value(document) }
        }
    }

    /// An answer that stays as it is as long as models and keys do.
    private func kept(_ name: String, _ make: () throws(ServiceFault) -> Response) throws(ServiceFault) -> Response {
        let circumstances = AnswerCache.Circumstances(
            models: registry.models.map(ModelIdentity.init), needsKey: access.needsKey)
        return try answers.answer(name, under: circumstances, make: make)
    }

    private func index() -> Response {
        Self.json { writer in
            writer.beginObject()
            writer.member("name", "weightspace")
            writer.member("version", version.version)
            writer.name("paths")
            writer.array(Endpoint.routes) { writer, route in writer.value("\(route.method) \(route.template)") }
            writer.endObject()
        }
    }

    private func write(_ version: BuildInfo, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", "weightspace")
        writer.member("version", version.version)
        writer.member("commit", version.commit)
        writer.member("swift", version.swift)
        writer.endObject()
    }

    static func json(_ write: (inout JSONWriter) -> Void) -> Response {
        var writer = JSONWriter()
        write(&writer)
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }
}
