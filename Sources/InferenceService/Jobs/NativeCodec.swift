import HTTPContent
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Uploads
import WeightFormats

/// The form of the `/v1` paths: a file or a form of files in, options in the query, the form or the document, and an
/// answer for each network out.
struct NativeCodec: InferenceCodec {
    private let request: Request
    private let endpoint: Endpoint
    /// From the path.
    let modelInPath: String?
    let named: ModelSelection

    init(_ request: Request, _ endpoint: Endpoint, _ parameters: [String: String]) {
        self.request = request
        self.endpoint = endpoint
        modelInPath = parameters["model"]
        named = ModelSelection(
            name: modelInPath ?? request.head.target.firstValue("model"),
            version: request.head.target.firstValue("version"))
    }

    // MARK: Reading

    /// What the form of the answers depends on.
    struct Details: Sendable {
        let options: RequestOptions
        let list: AnswerList
        let upload: PreparedUpload
        /// How the model was chosen; nil where the request left no choice.
        let choice: String?
    }

    func decode(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details) {
        guard case .inference(let output) = endpoint else { throw .internalFault }
        let (upload, options) = try read(configuration)
        let (model, prepared, choice) = try choose(&lookup, upload, options, configuration, output)
        let call = try InferenceCall(
            model: model, outputs: [output], networks: prepared.networks, preparedFor: output,
            certification: options.certification, configuration, timeout: options.shared.timeout, format: upload.format,
            byteCount: upload.byteCount)
        return (call, Details(options: options, list: AnswerList(output), upload: prepared, choice: choice))
    }

    /// The model that answers, and the networks as it reads them: the one that the request names; without a name, the
    /// first of those that offer the operation and read a network of the upload.
    /// - Returns: also how it was chosen, where several came into question.
    private func choose(
        _ lookup: inout ModelLookup, _ upload: Upload, _ options: RequestOptions,
        _ configuration: ServiceConfiguration, _ output: Output
    ) throws(ServiceFault) -> (ServedModel, PreparedUpload, String?) {
        func prepared(_ model: ServedModel) throws(ServiceFault) -> PreparedUpload {
            let upload = try prepare(
                upload, options, configuration, flatSpec: nil, reads: model.expectation,
                readsFunctions: model.readsFunctions && output == .classes
            ) {
                network, claims, context, canTry throws(NetworkError) in
                try model.prepare(network, claims, context: context, for: output, canTry: canTry)
            }
            return upload
        }
        let selection = ModelSelection(name: options.shared.model, version: options.shared.version)
        let candidates = selection.name == nil && selection.version == nil ? lookup.models(offering: output) : []
        guard candidates.count > 1 || candidates.first.map({ $0 !== lookup.model }) == true else {
            let model = try lookup.find(selection)
            guard model.offers(output) else {
                throw .noSuchOperation(output, model: model, served: selection.name == nil ? lookup.models : [])
            }
            do throws(ServiceFault) {
                return (model, try prepared(model), nil)
            } catch {
                throw error.naming(model, of: selection.name == nil ? lookup.models : [])
            }
        }
        var faults: [(model: ServedModel, fault: ServiceFault)] = []
        var reading: [(model: ServedModel, upload: PreparedUpload)] = []
        for model in candidates {
            do throws(ServiceFault) {
                let upload = try prepared(model)
                let failure = upload.networks.lazy.compactMap { network -> ServiceFault? in
                    if case .failure(let fault) = network { fault } else { nil }
                }.first
                if upload.networks.contains(where: { if case .success = $0 { true } else { false } }) {
                    reading.append((model, upload))
                } else if let failure {
                    faults.append((model, failure))
                }
            } catch {
                faults.append((model, error))
            }
        }
        guard let first = reading.first else {
            guard var fault = faults.first?.fault else { throw .internalFault }
            if faults.count == 1 { throw fault.naming(faults[0].model, of: lookup.models) }
            // A file that cannot be read is no model's fault.
            guard fault.status == .unprocessableContent else { throw fault }
            fault.detail =
                "no model that offers \(output.rawValue) reads this network: "
                + faults.map { "'\($0.model.name)' reads \($0.model.reads), but \($0.fault.detail)" }
                .joined(separator: "; ")
            throw fault
        }
        lookup.choose(first.model)
        let others = reading.dropFirst().map { "'\($0.model.name)'" }
        let choice =
            others.isEmpty
            ? "'\(first.model.name)' is the only model that offers \(output.rawValue) and reads this network"
            : "'\(first.model.name)' is the first model that offers \(output.rawValue) and reads this network; so do \(others.joined(separator: ", ")): name one with the option model"
        return (first.model, first.upload, choice)
    }

    /// The body's tensors and the request's options. Options in the path have precedence over those in the query, these
    /// over fields of a form, and these over members of a JSON document.
    func read(_ configuration: ServiceConfiguration) throws(ServiceFault) -> (upload: Upload, options: RequestOptions) {
        let (upload, fields) = try request.upload(configuration.formatLimits)
        var options = try RequestOptions(
            query: request.head.target.query, members: upload.options, form: fields,
            names: RequestOptions.names(of: endpoint))
        options.shared.model = modelInPath ?? options.shared.model
        if options.output == nil, options.certification == nil, acceptsPNG,
            endpoint == .render || endpoint == .inference(.picture)
        {
            options.output = .png
        }
        return (upload, options)
    }

    var acceptsPNG: Bool {
        request.head.acceptedTypes.prefers("image/png", to: "application/json")
    }

    /// The upload's networks, each brought into the form that is computed on.
    /// - Parameters:
    ///   - flatSpec: the layer sizes of a flat vector of parameters, where `expectation` does not give them.
    ///   - expectation: what the model reads.
    ///   - readsFunctions: whether networks are read whose weights do not fit the expectation.
    /// - Throws: in a strict request, the fault of the first network that cannot be read.
    func prepare(
        _ upload: Upload, _ options: RequestOptions, _ configuration: ServiceConfiguration, flatSpec: NetworkSpec?,
        reads expectation: NetworkExpectation?, readsFunctions: Bool,
        _ prepare: (NetworkWeights, NotationClaims, NetworkContext, _ canTry: Bool) throws(NetworkError)
            -> PreparedNetwork
    ) throws(ServiceFault) -> PreparedUpload {
        let uploaded: UploadedNetworks
        do throws(UploadError) {
            uploaded = try UploadedNetworks(
                upload,
                NetworkSearchOptions(
                    expectation: expectation, readsAnyFunction: readsFunctions, member: options.shared.member,
                    layout: options.shared.layout, batchNormEpsilon: options.shared.batchNormEpsilon),
                flatSpec: flatSpec, limit: configuration.maxNetworks, tensorLimit: configuration.maxTensors)
        } catch {
            throw ServiceFault(error)
        }
        let networks = uploaded.networks.enumerated().map { index, network in
            network.mapError(ServiceFault.init).flatMap { network in
                Result { () throws(NetworkError) in
                    try prepare(network.weights, options.shared.claims, network.context, index < ServedModel.mostTries)
                }.mapError(ServiceFault.init)
            }
        }
        let isStrict = options.shared.isStrict || !uploaded.isBatch || options.output?.isArray == true
        if isStrict { try ServiceFault.throwFirst(of: networks) }
        return PreparedUpload(
            networks: networks, names: uploaded.names, ignored: uploaded.ignored, isStrict: isStrict)
    }

    // MARK: Writing

    func encode(
        _ answers: CallAnswers, to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response {
        let items = items(answers, to: call, details.upload)
        if details.upload.isStrict { try ServiceFault.throwFirst(of: items.map(\.outcome)) }
        let writer = AnswerWriter(
            requestID: request.id, model: call.model, options: details.options, choice: details.choice)
        return try writer.response(details.list, items, ignored: details.upload.ignored)
    }

    /// The answers in the order of the request's networks, each with what it needs to be written.
    /// - Parameter answers: of each network, one.
    func items(
        _ answers: CallAnswers, to call: InferenceCall, _ upload: PreparedUpload
    ) -> [ItemAnswer] {
        zip(call.networks, answers.items).enumerated().map { index, pair in
            let (network, answer) = pair
            let outcome = network.flatMap { network in
                answer.flatMap { answers -> Result<ItemAnswer.Value, ServiceFault> in
                    guard let first = answers.first else { return .failure(.internalFault) }
                    guard case .picture(let picture) = first else { return .success(.model(first)) }
                    return .success(
                        .picture(picture, reference: try? network.picture(height: picture.height, width: picture.width))
                    )
                }
            }
            return ItemAnswer(
                index: index, name: upload.names[index], prepared: try? network.get(), outcome: outcome,
                drift: answers.drifts.isEmpty ? nil : answers.drifts[index]?.first)
        }
    }
}
