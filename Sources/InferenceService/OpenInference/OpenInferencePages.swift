import HTTPCore
import ModelStore
import Models
import OpenInference
import WeightFormats

/// A page of the Open Inference Protocol (version 2) and of the extensions that this service has.
enum OpenInferencePage: Sendable, Hashable {
    case live
    case ready
    case server
    case models
    case modelReady
    case model
    case configuration
    case statistics
    case repositoryIndex

    /// The first segment of all of the protocol's paths.
    static let root = "v2"

    static let routes: [Router<Endpoint>.Route] = {
        let pages: [(String, OpenInferencePage)] = [
            ("", .model), ("/ready", .modelReady), ("/config", .configuration), ("/stats", .statistics),
        ]
        let ofModels = ["/\(root)/models/{model}", "/\(root)/models/{model}/versions/{version}"].flatMap {
            (prefix: String) -> [Router<Endpoint>.Route] in
            let get = pages.map { Router<Endpoint>.Route("GET", prefix + $0.0, .openInference($0.1)) }
            return get + [Router<Endpoint>.Route("POST", prefix + "/infer", .infer)]
        }
        return [
            .init("GET", "/\(root)", .openInference(.server)),
            .init("GET", "/\(root)/health/live", .openInference(.live)),
            .init("GET", "/\(root)/health/ready", .openInference(.ready)),
            .init("GET", "/\(root)/models", .openInference(.models)),
            .init("GET", "/\(root)/models/stats", .openInference(.statistics)),
            .init("GET", "/\(root)/repository/index", .openInference(.repositoryIndex)),
            .init("POST", "/\(root)/repository/index", .openInference(.repositoryIndex)),
        ] + ofModels
    }()
}

extension ServicePages {
    func openInference(
        _ page: OpenInferencePage, _ parameters: [String: String]
    ) throws(ServiceFault) -> Response {
        func model() throws(ServiceFault) -> ServedModel {
            try registry.model(parameters["model"], version: parameters["version"])
        }
        switch page {
        case .live: return try live()
        case .ready: return try ready()
        case .server: return serverMetadata()
        case .models:
            return .json { writer in
                writer.beginObject()
                writer.name("models")
                let models = registry.models
                // A name with several versions is listed once.
                let names = models.indices.filter { place in
                    !models[..<place].contains { $0.name == models[place].name }
                }
                writer.array(names.map { models[$0].name }) { writer, name in writer.value(name) }
                writer.endObject()
            }
        case .modelReady:
            let model = try model()
            if registry.isDraining { throw .draining }
            return .json { writer in
                writer.beginObject()
                writer.member("name", model.name)
                writer.member("ready", true)
                writer.endObject()
            }
        case .model: return metadata(try model())
        case .configuration: return configuration(try model())
        case .statistics:
            let named = parameters["model"] == nil ? nil : try model()
            let models = registry.models.filter { served in
                guard let named else { return true }
                return parameters["version"] == nil ? served.name == named.name : served === named
            }
            return statistics(models)
        case .repositoryIndex: return repositoryIndex()
        }
    }

    private func serverMetadata() -> Response {
        .json { writer in
            writer.beginObject()
            writer.member("name", "weightspace")
            writer.member("version", version.version)
            writer.name("extensions")
            let extensions = [
                "binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics",
            ]
            writer.array(extensions) { writer, name in writer.value(name) }
            writer.endObject()
        }
    }

    private func metadata(_ model: ServedModel) -> Response {
        .json { writer in
            writer.beginObject()
            writer.member("name", model.name)
            writer.name("versions")
            let versions = registry.models.filter { $0.name == model.name }.map(\.version)
            writer.array(versions) { writer, version in writer.value(version) }
            writer.member("platform", Self.platform)
            for (name, tensors) in [("inputs", model.inputTensors), ("outputs", model.outputTensors)] {
                writer.name(name)
                writer.array(tensors) { writer, tensor in
                    writer.beginObject()
                    writer.member("name", tensor.name)
                    writer.member("datatype", tensor.datatype.rawValue)
                    writer.name("shape")
                    writer.array([-1] + tensor.shape) { writer, extent in writer.value(extent) }
                    writer.endObject()
                }
            }
            writer.endObject()
        }
    }

    /// The members of Triton's model configuration that apply here; extents are without the batch axis.
    private func configuration(_ model: ServedModel) -> Response {
        .json { writer in
            writer.beginObject()
            writer.member("name", model.name)
            writer.member("platform", Self.platform)
            writer.member("backend", "weightspace")
            writer.member("max_batch_size", configuration.maxNetworks)
            for (name, tensors) in [("input", model.inputTensors), ("output", model.outputTensors)] {
                writer.name(name)
                writer.array(tensors) { writer, tensor in
                    writer.beginObject()
                    writer.member("name", tensor.name)
                    writer.member("data_type", tensor.datatype.configurationName)
                    writer.name("dims")
                    writer.array(tensor.shape.isEmpty ? [1] : tensor.shape) { writer, extent in writer.value(extent) }
                    if tensor.shape.isEmpty {
                        writer.name("reshape")
                        writer.beginObject()
                        writer.name("shape")
                        writer.array([Int]()) { writer, extent in writer.value(extent) }
                        writer.endObject()
                    }
                    writer.endObject()
                }
            }
            writer.name("parameters")
            writer.beginObject()
            writer.name("flat_input")
            writer.beginObject()
            writer.member("string_value", "\(model.flatInput.name) \([-1] + model.flatInput.shape)")
            writer.endObject()
            writer.endObject()
            writer.endObject()
        }
    }

    private func statistics(_ models: [ServedModel]) -> Response {
        .json { writer in
            writer.beginObject()
            writer.name("model_stats")
            writer.array(models) { writer, model in
                let entry = metrics.statistics.entry(model: model.name, version: model.version)
                writer.beginObject()
                writer.member("name", model.name)
                writer.member("version", model.version)
                writer.member("last_inference", Int(entry.lastInference))
                writer.member("inference_count", entry.inferences)
                writer.member("execution_count", entry.executions)
                writer.name("inference_stats")
                writer.beginObject()
                let stages: [(String, ModelStatistics.Stage)] = [
                    ("success", entry.success), ("fail", entry.failure), ("queue", entry.queue),
                    ("compute_input", entry.read), ("compute_infer", entry.compute), ("compute_output", .init()),
                    ("cache_hit", .init()), ("cache_miss", .init()),
                ]
                for (name, stage) in stages { writer.stage(name, stage) }
                writer.endObject()
                writer.name("batch_stats")
                writer.array(entry.batches.sorted { $0.key < $1.key }) { writer, batch in
                    writer.beginObject()
                    writer.member("batch_size", batch.key)
                    writer.stage("compute_input", .init())
                    writer.stage("compute_infer", batch.value)
                    writer.stage("compute_output", .init())
                    writer.endObject()
                }
                writer.endObject()
            }
            writer.endObject()
        }
    }

    private func repositoryIndex() -> Response {
        .json { writer in
            writer.array(registry.models) { writer, model in
                writer.beginObject()
                writer.member("name", model.name)
                writer.member("version", model.version)
                writer.member("state", registry.isReady ? "READY" : "UNAVAILABLE")
                writer.member("reason", "")
                writer.endObject()
            }
        }
    }

    private static let platform = "swift_weightspace"
}

extension ServedModel {
    fileprivate var outputTensors: [TensorDescription] { modelOutputs.map { $0.description(self) } }
}

extension JSONWriter {
    fileprivate mutating func stage(_ name: String, _ stage: ModelStatistics.Stage) {
        self.name(name)
        beginObject()
        member("count", stage.count)
        member("ns", stage.nanoseconds)
        endObject()
    }
}
