import Clocks
import HTTPCore
import ModelStore
import Models
import Networks

/// A wire form of inference: reads a request's body and writes its answers. One value belongs to one request.
protocol InferenceCodec: Sendable {
    /// What `encode` needs of the request beside the call.
    associatedtype Details: Sendable

    /// The model that the path and the query name.
    var named: ModelSelection { get }

    /// Reads the body.
    /// - Parameter lookup: where the model is looked up; it keeps the model for what is counted.
    func decode(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details)

    /// Writes the answers.
    /// - Parameter answers: of each network of the call, one for each of its outputs.
    /// - Throws: a fault of a network where the request asks for all or nothing, or where the form has no place for it.
    func encode(
        _ answers: [Result<[Answer], ServiceFault>], to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response
}

/// What a request asks of a model, whatever form it came in.
struct InferenceCall: Sendable {
    let model: ServedModel
    /// Each once.
    let outputs: [Output]
    /// In the order of the request; a network that could not be read is a failure in its place.
    let networks: [Result<PreparedNetwork, ServiceFault>]
    /// Counted from the end of the request's head.
    let timeout: Duration?
    /// For metrics: a file format, `multipart` or `open_inference`.
    let format: String
    /// Of the body without its content coding.
    let byteCount: Int

    /// Of the networks that could be read.
    var specs: [NetworkSpec] { networks.compactMap { try? $0.get().network.spec } }
    /// What the client should know of how the networks were read; each text once, with the number of the first network.
    var warnings: [String] {
        var seen: Set<String> = []
        return networks.enumerated().flatMap { index, network in
            let own = (try? network.get())?.warnings ?? []
            return own.filter { seen.insert($0).inserted }.map { networks.count > 1 ? "network \(index): \($0)" : $0 }
        }
    }
    var contents: [PreparedNetwork.Content] { networks.compactMap { try? $0.get().content } }
}

/// A model's name and version as far as a request gives them; nil leaves the choice to the registry.
struct ModelSelection: Hashable, Sendable {
    var name: String?
    var version: String?
}

/// Looks up a request's model: once for the names in its path and query, and again only if its body names another.
struct ModelLookup: Sendable {
    private let registry: ModelRegistry
    private let named: ModelSelection
    private let found: Result<ServedModel, ServiceFault>
    /// The model to count the request for; nil where none was found.
    private(set) var model: ServedModel?

    init(_ registry: ModelRegistry, _ named: ModelSelection) {
        self.registry = registry
        self.named = named
        found = Result { () throws(ServiceFault) in try registry.model(named.name, version: named.version) }
        model = try? found.get()
    }

    /// All models, the default first.
    var models: [ServedModel] { registry.models }

    /// The models that offer an output, in the order of the registry.
    func models(offering output: Output) -> [ServedModel] { registry.models.filter { $0.offers(output) } }

    /// Takes a model that the request does not name.
    mutating func choose(_ model: ServedModel) { self.model = model }

    mutating func find(_ selection: ModelSelection) throws(ServiceFault) -> ServedModel {
        let model =
            selection == named ? try found.get() : try registry.model(selection.name, version: selection.version)
        self.model = model
        return model
    }
}
