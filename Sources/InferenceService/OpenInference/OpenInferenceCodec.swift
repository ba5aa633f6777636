import HTTPCore
import HTTPTypes
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import OpenInference
import SIREN
import WeightFormats

/// The form of the Open Inference Protocol: a document of tensors in, a document of tensors out.
///
/// The protocol has no place for the fault of one network: a network that cannot be read or computed fails the request.
struct OpenInferenceCodec: InferenceCodec {
    private let request: Request
    let named: ModelSelection

    init(_ request: Request, _ parameters: [String: String]) {
        self.request = request
        named = ModelSelection(name: parameters["model"], version: parameters["version"])
    }

    struct Details: Sendable {
        /// The client's name for the request, which the response repeats.
        let id: String?
        let outputs: [RequestedTensor]
    }

    /// A tensor that the request asks for.
    struct RequestedTensor: Sendable {
        let kind: ModelOutput
        let isBinary: Bool
        /// How many classes are named in place of the values.
        let classCount: Int?
    }

    // MARK: Reading

    func decode(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details) {
        let model = try lookup.find(named)
        let limits = configuration.formatLimits
        let body = try request.decodedBody(limits)
        let infer: InferRequest
        do throws(FormatError) {
            infer = try InferRequest(
                body, documentLength: request.head.fields[.inferenceHeaderContentLength],
                rawInput: (model.flatInput.name, model.expectation.spec.parameterCount), limits: limits)
        } catch {
            throw ServiceFault(error)
        }
        let outputs = try outputs(infer, model)
        let computed = Output.allCases.filter { output in outputs.contains { $0.kind.output == output } }
        let networks = try networks(infer, model, computed, limit: configuration.maxNetworks)
        let call = try InferenceCall(
            model: model, outputs: computed,
            networks: networks.map { .success($0) }, preparedFor: Self.preparation(computed),
            certification: try certification(infer.parameters), configuration,
            timeout: try timeout(infer.parameters), format: "open_inference", byteCount: body.count)
        return (call, Details(id: infer.id, outputs: outputs))
    }

    private func networks(
        _ infer: InferRequest, _ model: ServedModel, _ outputs: [Output], limit: Int
    ) throws(ServiceFault) -> [PreparedNetwork] {
        let claims = try claims(infer.parameters)
        let output = Self.preparation(outputs)
        let layout = try layout(infer.parameters)
        do throws(NetworkError) {
            let reading = try NetworkReading(
                infer.inputs, expecting: model.expectation, layout: layout, limit: limit)
            var context = NetworkContext()
            context.layout = reading.layout
            return try reading.networks.enumerated().map { index, network throws(NetworkError) in
                try model.prepare(
                    network, claims, context: context, for: output, canTry: index < ServedModel.mostTries)
            }
        } catch {
            throw ServiceFault(error)
        }
    }

    /// The output for which networks are prepared: classes alone can be answered without reading the weights.
    private static func preparation(_ outputs: [Output]) -> Output { outputs.first { $0 != .classes } ?? .classes }

    /// The parameters `certify` and `seed`.
    private func certification(_ parameters: InferParameters) throws(ServiceFault) -> Certification? {
        guard let given = parameters["certify"], !given.isNull else { return nil }
        guard let trials = given.int, (1...Certification.mostTrials).contains(trials) else {
            throw .badRequest("parameter 'certify': expected a whole number from 1 to \(Certification.mostTrials)")
        }
        guard let seed = parameters["seed"], !seed.isNull else { return Certification(trials: trials) }
        guard let number = seed.int, number >= 0, UInt64(number) <= Certification.greatestSeed else {
            throw .badRequest("parameter 'seed': expected a whole number from 0 to \(Certification.greatestSeed)")
        }
        return Certification(trials: trials, seed: UInt64(number))
    }

    /// The largest change of each output for each kind, over all networks: `drift_classify_permutations` and so on.
    private func drifts(_ answers: CallAnswers, _ call: InferenceCall) -> [(name: String, value: Float)] {
        let drifts = answers.drifts.compactMap(\.self)
        return call.outputs.enumerated().flatMap { place, output in
            HiddenSymmetry.allCases.compactMap { kind in
                let changes = drifts.flatMap { $0[place].changes.filter { $0.kind == kind } }.map(\.largest)
                guard !changes.isEmpty, !changes.contains(nil) else { return nil }
                return ("drift_\(output.rawValue)_\(kind.rawValue)", changes.compactMap(\.self).max() ?? 0)
            }
        }
    }

    /// What parameters say of the networks' notation.
    private func claims(_ parameters: InferParameters) throws(ServiceFault) -> NotationClaims {
        var options: [String: String] = [:]
        for name in NotationClaims.optionNames {
            guard let given = parameters[name], !given.isNull else { continue }
            guard let text = given.string ?? given.double.map({ String($0) }) else {
                throw .badRequest("parameter '\(name)': expected text or a number")
            }
            options[name] = text
        }
        return try OptionValue.claims(options)
    }

    /// The order of the parameters in a flat input; nil where the values are to show it.
    private func layout(_ parameters: InferParameters) throws(ServiceFault) -> FlatLayout? {
        guard let given = parameters["layout"], !given.isNull, given.string != "auto" else { return nil }
        guard let layout = given.string.flatMap(FlatLayout.init) else {
            throw .badRequest(
                "parameter 'layout': expected one of \(FlatLayout.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return layout
    }

    /// In microseconds, as Triton's `timeout` parameter, at most an hour; 0 is none.
    private func timeout(_ parameters: InferParameters) throws(ServiceFault) -> Duration? {
        guard let given = parameters["timeout"] else { return nil }
        guard let microseconds = given.int, (0...3_600_000_000).contains(microseconds) else {
            throw .badRequest("parameter 'timeout': expected a whole number of microseconds from 0 to 3600000000")
        }
        return microseconds == 0 ? nil : .microseconds(microseconds)
    }

    private func outputs(_ infer: InferRequest, _ model: ServedModel) throws(ServiceFault) -> [RequestedTensor] {
        guard let wanted = infer.outputs, !wanted.isEmpty else {
            return model.modelOutputs.map {
                RequestedTensor(kind: $0, isBinary: infer.prefersBinary, classCount: nil)
            }
        }
        return try wanted.map { output throws(ServiceFault) in
            guard let kind = model.modelOutputs.first(where: { $0.rawValue == output.name }) else {
                let offered = model.modelOutputs.map(\.rawValue).joined(separator: ", ")
                throw .badRequest(
                    "model '\(model.name)' has no output '\(printable(output.name))'; it has \(offered)")
            }
            guard output.classCount == nil || kind.isByClass else {
                throw .badRequest("output '\(kind.rawValue)' holds no classes to name; logits and probabilities do")
            }
            return RequestedTensor(
                kind: kind, isBinary: output.isBinary ?? infer.prefersBinary,
                classCount: output.classCount.map { min($0, model.labels.count) })
        }
    }

    // MARK: Writing

    func encode(
        _ answers: CallAnswers, to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response {
        let networks = try answers.items.map { answer throws(ServiceFault) in try answer.get() }
        let outputs = details.outputs.map { output in
            let place = call.outputs.firstIndex(of: output.kind.output) ?? 0
            let answers = networks.compactMap { $0.dropFirst(place).first }
            guard let count = output.classCount else {
                return InferResponse.Output(
                    name: output.kind.rawValue,
                    shape: [answers.count] + output.kind.description(call.model).shape,
                    values: output.kind.values(answers, labels: call.model.labels), isBinary: output.isBinary)
            }
            return InferResponse.Output(
                name: output.kind.rawValue, shape: [answers.count, count],
                values: .texts(output.kind.classes(answers, labels: call.model.labels, count: count)),
                isBinary: output.isBinary, classCount: count)
        }
        let response = InferResponse(
            modelName: call.model.name, modelVersion: call.model.version, id: details.id, warnings: call.warnings,
            figures: drifts(answers, call), outputs: outputs)
        guard let (body, documentLength) = response.encoded() else { throw .nonFiniteOutput }
        var answer = Response(
            .ok, contentType: documentLength == nil ? "application/json" : "application/octet-stream", body: body)
        if let documentLength { answer.fields[.inferenceHeaderContentLength] = String(documentLength) }
        return answer
    }
}

extension HTTPField.Name {
    static let inferenceHeaderContentLength = HTTPField.Name(token: "Inference-Header-Content-Length")
}
