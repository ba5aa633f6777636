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

/// The form of KServe's V1 protocol, which is TensorFlow Serving's: `{"instances": [...]}` in, `{"predictions": [...]}`
/// out. An instance is a network as in a JSON document of the `/v1` paths, and a prediction is an item of their answers.
///
/// The protocol has no place for the fault of one instance: an instance that cannot be read or computed fails the request.
struct PredictCodec: InferenceCodec {
    private let request: Request
    private let native: NativeCodec
    let named: ModelSelection

    init(_ request: Request, _ parameters: [String: String]) {
        self.request = request
        native = NativeCodec(request, .predictInstances, parameters)
        named = native.named
    }

    /// What the form of the answers depends on.
    struct Details: Sendable {
        let options: RequestOptions
        let upload: PreparedUpload
    }

    func decode(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details) {
        do throws(ServiceFault) {
            return try read(&lookup, configuration)
        } catch {
            // The readers know the array as `inputs`.
            var fault = error
            fault.detail = fault.detail.replacing("inputs.", with: "instances.", maxReplacements: 1)
            throw fault
        }
    }

    private func read(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details) {
        let body = try request.decodedBody(configuration.formatLimits)
        let document = try Self.document(body, configuration.formatLimits)
        var options = try RequestOptions(
            query: request.head.target.query, members: document.options,
            names: RequestOptions.names(of: .predictInstances))
        options.shared.isStrict = true
        guard options.output == nil || options.output == .json || options.output == .base64 else {
            throw .badRequest("option 'output': the predictions of this path are JSON; expected json or base64")
        }
        let model = try lookup.find(ModelSelection(name: named.name, version: options.shared.version))
        guard let output = model.outputs.lazy.map(\.output).first(where: AnswerList.outputs.contains) else {
            throw .notPredicting(model)
        }
        let upload: Upload
        do throws(UploadError) {
            upload = try Upload(file: document.networks, limits: configuration.formatLimits)
        } catch {
            throw ServiceFault(error)
        }
        let prepared = try native.prepare(
            upload, options, configuration, flatSpec: nil, reads: model.expectation,
            readsFunctions: model.readsFunctions && output == .classes
        ) { network, claims, context, canTry throws(NetworkError) in
            try model.prepare(network, claims, context: context, for: output, canTry: canTry)
        }
        let call = try InferenceCall(
            model: model, outputs: [output], networks: prepared.networks, preparedFor: output,
            certification: options.certification, configuration, timeout: options.shared.timeout, format: "instances",
            byteCount: body.count)
        return (call, Details(options: options, upload: prepared))
    }

    func encode(
        _ answers: CallAnswers, to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response {
        let items = native.items(answers, to: call, details.upload)
        try ServiceFault.throwFirst(of: items.map(\.outcome))
        return try AnswerWriter(requestID: request.id, model: call.model, options: details.options).predictions(items)
    }

    /// Takes the instances out of the document, and the other members as options.
    /// - Returns: `networks` is a document with the array as its only member `inputs`, at the place where it is in the
    ///   body, so that errors name the byte that the client knows.
    private static func document(
        _ body: [UInt8], _ limits: FormatLimits
    ) throws(ServiceFault) -> (networks: [UInt8], options: [String: JSONValue]) {
        var instances: Range<Int>?
        var options: [String: JSONValue] = [:]
        do throws(FormatError) {
            var scanner = JSONScanner(body, limits: limits)
            try scanner.readObject { name, scanner throws(FormatError) in
                let kind = try scanner.peek()
                guard name == "instances" || name == "inputs", kind != .null else {
                    // Options are scalars.
                    if kind == .array || kind == .object { return try scanner.skipValue() }
                    options[name] = try scanner.readValue(limits: limits)
                    return
                }
                guard kind == .array else {
                    throw FormatError(
                        .malformed, "\(quoted(name)): expected an array of networks, found \(kind.phrase)")
                }
                guard instances == nil else {
                    throw FormatError(.malformed, "both 'instances' and 'inputs'; expected one of them")
                }
                let start = scanner.position
                try scanner.skipValue()
                instances = start..<scanner.position
            }
            try scanner.finish()
        } catch {
            throw ServiceFault(error)
        }
        guard let instances else {
            throw .badRequest("expected the member 'instances', an array of networks; the document has none")
        }
        // The body has `{"inputs":` before the array too, or the longer name.
        let start = Array("{\"inputs\":".utf8)
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: max(0, instances.lowerBound - start.count))
        return (start + padding + body[instances] + "}".utf8, options)
    }
}
