import Clocks
import HTTPCore
import HTTPTypes
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
    /// - Throws: a fault of an item where the request asks for all or nothing, or where the form has no place for it.
    func encode(
        _ answers: CallAnswers, to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response
}

/// What a request asks of a model, whatever form it came in.
struct InferenceCall: Sendable {
    let model: ServedModel
    /// Each once.
    let outputs: [Output]
    /// In the order of the request; a network that could not be read is a failure in its place. None where latents are
    /// decoded.
    let networks: [Result<PreparedNetwork, ServiceFault>]
    /// What is computed of each item of the request, or why nothing can be.
    let items: [Result<PreparedNetwork.Content, ServiceFault>]
    /// Equivalent weights of each network that are answered too; empty where none are asked for.
    private let trials: [SymmetryTrials?]
    /// Counted from the end of the request's head.
    let timeout: Duration?
    /// For metrics: a file format, `multipart` or `open_inference`.
    let format: String
    /// Of the body without its content coding.
    let byteCount: Int

    /// A call for the answers to networks.
    /// - Parameter certification: nil where equivalent weights are not to be answered.
    /// - Throws: `batch_too_large` where they are too many.
    init(
        model: ServedModel, outputs: [Output], networks: [Result<PreparedNetwork, ServiceFault>],
        preparedFor output: Output, certification: Certification? = nil, _ configuration: ServiceConfiguration,
        timeout: Duration?, format: String, byteCount: Int
    ) throws(ServiceFault) {
        self.model = model
        self.outputs = outputs
        self.networks = networks
        items = networks.map { $0.map(\.content) }
        if let certification {
            try configuration.check(certification, of: networks)
            trials = networks.map { network in
                (try? network.get()).map { model.trials(of: $0, for: output, certification) }
            }
        } else {
            trials = []
        }
        (self.timeout, self.format, self.byteCount) = (timeout, format, byteCount)
    }

    /// A call for the pictures of latents.
    init(
        model: ServedModel, latents: [Result<PreparedNetwork.Content, ServiceFault>], timeout: Duration?,
        format: String, byteCount: Int
    ) {
        self.model = model
        outputs = [.picture]
        (networks, items, trials) = ([], latents, [])
        (self.timeout, self.format, self.byteCount) = (timeout, format, byteCount)
    }

    /// Of all networks that are computed: those of the request that could be read, and those that are equivalent to them.
    var specs: [NetworkSpec] {
        let copies = trials.map { 1 + ($0?.contents.count ?? 0) }
        return networks.enumerated().flatMap { index, network in
            (try? network.get().network.spec).map { Array(repeating: $0, count: copies.isEmpty ? 1 : copies[index]) }
                ?? []
        }
    }
    /// What the client should know of how the networks were read; each text once, with the number of the first network.
    var warnings: [String] {
        var seen: Set<String> = []
        return networks.enumerated().flatMap { index, network in
            let own = (try? network.get())?.warnings ?? []
            return own.filter { seen.insert($0).inserted }.map { networks.count > 1 ? "network \(index): \($0)" : $0 }
        }
    }
    /// What is computed, in the order of the answers.
    var contents: [PreparedNetwork.Content] {
        items.compactMap { try? $0.get() } + trials.flatMap { $0?.contents ?? [] }
    }

    /// - Parameter computed: one for each of `contents`.
    func answers(_ computed: [ModelQueue.Outcome]) -> CallAnswers {
        var computed = computed.makeIterator()
        let items = items.map { item in item.flatMap { _ in computed.next() ?? .failure(.internalFault) } }
        let drifts = zip(trials, items).map { trials, item -> [Drift]? in
            guard let trials else { return nil }
            let others = trials.contents.map { _ in try? computed.next()?.get() }
            guard let own = try? item.get() else { return nil }
            return own.enumerated().map { place, answer in
                trials.drift(from: answer, to: others.map { $0?.dropFirst(place).first })
            }
        }
        return CallAnswers(items: items, drifts: drifts)
    }
}

/// What a model answered to a call.
struct CallAnswers: Sendable {
    /// Of each item, an answer for each of the call's outputs.
    let items: [Result<[Answer], ServiceFault>]
    /// Of each network, and of each output, what equivalent weights change; empty where none were asked for, nil for a
    /// network without an answer.
    let drifts: [[Drift]?]
}

extension ServiceConfiguration {
    /// Bounds how many networks are answered to certify an answer.
    /// - Throws: `batch_too_large`.
    fileprivate func check(
        _ certification: Certification, of networks: [Result<PreparedNetwork, ServiceFault>]
    ) throws(ServiceFault) {
        func tooLarge(_ detail: String) -> ServiceFault {
            ServiceFault(.unprocessableContent, "batch_too_large", "Batch too large", detail)
        }
        var (count, bytes) = (0, 0)
        for case .success(let network) in networks {
            let copies = 1 + network.symmetries.count * certification.trials
            count += copies
            bytes += copies * network.content.byteCount
        }
        guard count <= maxNetworks else {
            throw tooLarge(
                "option 'certify': with \(certification.trials) changes of each kind, \(count) networks are to be answered; at most \(maxNetworks) are allowed in one request"
            )
        }
        guard bytes <= maxQueueBytes else {
            throw tooLarge(
                "option 'certify': the \(count) networks to be answered have \(bytes) bytes of weights; at most \(maxQueueBytes) are allowed"
            )
        }
    }
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
