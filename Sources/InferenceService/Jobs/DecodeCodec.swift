import HTTPCore
import HTTPTypes
import ModelStore
import Models
import SIREN
import Uploads
import WeightFormats

/// The form of `/v1/decode`: latent arrays in, pictures out, as a model's decoder draws them at any size.
struct DecodeCodec: InferenceCodec {
    private let request: Request
    private let native: NativeCodec
    let named: ModelSelection

    init(_ request: Request, _ endpoint: Endpoint, _ parameters: [String: String]) {
        self.request = request
        native = NativeCodec(request, endpoint, parameters)
        named = native.named
    }

    /// What the form of the answers depends on.
    struct Details: Sendable {
        let options: RequestOptions
        let names: [String?]
        let isStrict: Bool
    }

    // MARK: Reading

    func decode(
        _ lookup: inout ModelLookup, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> (call: InferenceCall, details: Details) {
        let (upload, fields) = try request.upload(configuration.formatLimits)
        let found = LatentSearch(upload)
        var options = try RequestOptions(
            query: request.head.target.query, members: found.options(upload.options), form: fields,
            names: RequestOptions.names(of: .decode))
        options.shared.model = native.modelInPath ?? options.shared.model
        if options.output == nil, native.acceptsPNG { options.output = .png }
        let model = try choose(&lookup, options)
        guard let shape = model.decodedLatents, let own = model.input.image else { throw .internalFault }
        let image = try Self.image(options, own, configuration)
        var names = found.entries.flatMap { entry in (0..<entry.count(shape)).map { _ in entry.name } }
        var latents = found.entries.flatMap { $0.latents(shape) }
        guard latents.count <= configuration.maxNetworks else {
            throw ServiceFault(
                .unprocessableContent, "batch_too_large", "Batch too large",
                "expected at most \(configuration.maxNetworks) latent arrays, received \(latents.count)")
        }
        if let share = options.blend {
            latents = [.success(try Self.blend(latents, share))]
            names = [nil]
        }
        let isStrict = options.shared.isStrict || latents.count == 1 || options.output?.isArray == true
        if isStrict { try ServiceFault.throwFirst(of: latents, noun: "latent array") }
        let call = InferenceCall(
            model: model, latents: latents.map { $0.map { .latents($0, image) } }, timeout: options.shared.timeout,
            format: upload.format, byteCount: upload.byteCount)
        return (call, Details(options: options, names: names, isStrict: isStrict))
    }

    /// The model that the request names, or the first one that has a decoder.
    private func choose(_ lookup: inout ModelLookup, _ options: RequestOptions) throws(ServiceFault) -> ServedModel {
        let selection = ModelSelection(name: options.shared.model, version: options.shared.version)
        if selection == ModelSelection(), let first = lookup.models.first(where: { $0.decodedLatents != nil }) {
            lookup.choose(first)
            return first
        }
        let model = try lookup.find(selection)
        guard model.decodedLatents != nil else {
            throw .noSuchOperation(.picture, model: model, served: selection.name == nil ? lookup.models : [])
        }
        return model
    }

    private static func image(
        _ options: RequestOptions, _ own: ImageShape, _ configuration: ServiceConfiguration
    ) throws(ServiceFault) -> ImageShape {
        let (height, width) = (options.height ?? own.height, options.width ?? own.width)
        let limit = configuration.maxPictureSide
        guard max(height, width) <= limit else {
            throw ServiceFault(PictureError.size(height: height, width: width, limit: limit))
        }
        return ImageShape(height: height, width: width, channels: own.channels)
    }

    /// (1 − share) · first + share · second
    private static func blend(
        _ latents: [Result<Latents, ServiceFault>], _ share: Double
    ) throws(ServiceFault) -> Latents {
        guard latents.count == 2 else {
            throw .badRequest("option 'blend': expected two latent arrays, received \(latents.count)")
        }
        try ServiceFault.throwFirst(of: latents, noun: "latent array")
        return try latents[0].get().blended(with: try latents[1].get(), share: share)
    }

    // MARK: Writing

    func encode(
        _ answers: CallAnswers, to call: InferenceCall, _ details: Details
    ) throws(ServiceFault) -> Response {
        let items = answers.items.enumerated().map { index, answer in
            let outcome = answer.flatMap { answers -> Result<ItemAnswer.Value, ServiceFault> in
                guard case .picture(let picture)? = answers.first else { return .failure(.internalFault) }
                return .success(.picture(picture, reference: nil))
            }
            return ItemAnswer(index: index, name: details.names[index], prepared: nil, outcome: outcome)
        }
        if details.isStrict { try ServiceFault.throwFirst(of: items.map(\.outcome), noun: "latent array") }
        let writer = AnswerWriter(requestID: request.id, model: call.model, options: details.options)
        return try writer.response(.pictures, items)
    }
}
