import Foundation
import Host
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import WeightFormats

/// The description of the HTTP interface (OpenAPI 3.1): the resource, with version, models and security filled in.
enum OpenAPIDocument {
    private static let resource: JSONValue? = {
        // Not `Bundle.module`, which traps where the bundle is missing.
        let url = ProgramResources.url(
            bundled: "weightspace_InferenceService.resources/openapi.json", installed: "openapi.json")
        guard let url, let data = try? Data(contentsOf: url) else { return nil }
        return try? JSONValue.parse([UInt8](data), limits: .checkpoint)
    }()

    /// - Parameters:
    ///   - models: their names and versions become examples of path parameters; the first one's example network becomes
    ///     the example request.
    ///   - needsKey: whether requests need a key.
    static func document(version: String, models: [ServedModel], needsKey: Bool) -> JSONValue? {
        guard var document = resource else { return nil }
        document["info", "version"] = .string(version)
        let names = JSONValue.array(models.map { .string($0.name) })
        let versions = JSONValue.array(models.map { .string($0.version) })
        if let first = models.first {
            let example = first.exampleRequest
            document["components", "parameters", "model", "schema", "examples"] = names
            document["components", "parameters", "versionInPath", "schema", "examples"] = versions
            document["components", "requestBodies", "Networks", "content", "application/json", "example"] = example
            document["components", "schemas", "NetworksDocument", "examples"] = .array([example])
            document["components", "schemas", "InstancesDocument", "examples"] = .array([first.exampleInstances])
            document["components", "schemas", "InferRequest", "examples"] = .array([first.exampleInferRequest])
        }
        if let latents = models.lazy.compactMap(\.exampleLatents).first {
            document["components", "requestBodies", "Latents", "content", "application/json", "example"] = latents
            document["components", "schemas", "LatentsDocument", "examples"] = .array([latents])
        }
        if needsKey {
            let schemes = ["bearer", "apiKey"].map { JSONValue.object([JSONMember($0, .array([]))]) }
            document["security"] = .array(schemes)
        }
        return document
    }
}

extension ServedModel {
    /// A freshly initialised network in the form that `/v1` paths read.
    var exampleRequest: JSONValue { .object([JSONMember("inputs", .array([exampleNetwork]))]) }

    /// The same in the form of KServe's V1 protocol.
    var exampleInstances: JSONValue { .object([JSONMember("instances", .array([exampleNetwork]))]) }

    /// Latents of which it draws a picture, all zero; nil for a model that draws none.
    var exampleLatents: JSONValue? {
        guard let shape = decodedLatents else { return nil }
        let latents = Tensor(shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
        return .object([JSONMember("latents", latents.jsonValue), JSONMember("size", .number(2))])
    }

    private var exampleNetwork: JSONValue {
        let network = NetworkWeights.example(spec: input.spec, seed: 0)
        return .object(network.stateDict.entries.map { entry in JSONMember(entry.name, entry.tensor.jsonValue) })
    }

    /// The same in the form of the Open Inference Protocol.
    var exampleInferRequest: JSONValue {
        let network = NetworkWeights.example(spec: input.spec, seed: 0)
        let inputs = network.stateDict.entries.map { entry in
            JSONValue.object([
                JSONMember("name", .string(entry.name)),
                JSONMember("shape", .array(([1] + entry.tensor.shape).map { .number(Double($0)) })),
                JSONMember("datatype", .string("FP32")),
                JSONMember("data", .array([entry.tensor.jsonValue])),
            ])
        }
        return .object([JSONMember("inputs", .array(inputs))])
    }
}

extension Tensor {
    /// Nested arrays of numbers, each the shortest decimal of its float32 value.
    fileprivate var jsonValue: JSONValue {
        guard rank > 0 else { return .number(values.first.flatMap { Double($0.description) } ?? 0) }
        return .array((0..<shape[0]).map { slice($0).jsonValue })
    }
}
