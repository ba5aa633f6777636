import Clocks
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Uploads

/// One request to `/v1/render`, on a worker queue: the pictures that the networks themselves draw. It needs no model;
/// `checkPictures` bounds what it may take.
struct DrawingJob: Sendable {
    let codec: NativeCodec
    let request: Request
    let resources: JobResources
    let reply: JobReply

    func run() {
        var timing = RequestTiming()
        let began = Instant.now
        var model: ServedModel?
        do throws(ServiceFault) {
            try reply.checkWanted(timeout: nil)
            let (upload, options) = try codec.read(resources.configuration)
            if options.shared.model != nil {
                model = try resources.registry.model(options.shared.model, version: options.shared.version)
            }
            let networks = try prepare(upload, options, model)
            timing.parse = .now - began
            resources.metrics.recordParse(format: upload.format, duration: timing.parse, bytes: upload.byteCount)
            reply.context.note(model: model?.name, networks: networks.networks.count)
            let drawn = Instant.now
            let items = try draw(networks, options, model)
            timing.compute = .now - drawn
            if networks.isStrict { try ServiceFault.throwFirst(of: items.map(\.outcome)) }
            let writer = AnswerWriter(requestID: request.id, model: model, options: options)
            let response = try writer.response(.pictures, items, ignored: networks.ignored)
            reply.conclude(.answered(response, items: items.count), model: model, timing: timing)
        } catch {
            timing.parse = .now - began
            reply.conclude(error, model: model, timing: timing)
        }
    }

    private func prepare(
        _ upload: Upload, _ options: RequestOptions, _ model: ServedModel?
    ) throws(ServiceFault) -> PreparedUpload {
        // A flat vector without a model is cut by the sizes of the default model.
        let flatSpec = resources.registry.models.first?.expectation.spec
        return try codec.prepare(
            upload, options, resources.configuration, flatSpec: flatSpec, reads: model?.expectation,
            readsFunctions: model?.readsFunctions ?? true
        ) { network, claims, context, canTry throws(NetworkError) in
            guard let model else { return PreparedNetwork(drawing: network, claims, context: context) }
            return try model.prepare(network, claims, context: context, canTry: canTry)
        }
    }

    private func draw(
        _ upload: PreparedUpload, _ options: RequestOptions, _ model: ServedModel?
    ) throws(ServiceFault) -> [ItemAnswer] {
        let configuration = resources.configuration
        let networks = upload.networks
        let input = model?.input
        let (height, width) = (options.height ?? input?.image?.height ?? 28, options.width ?? input?.image?.width ?? 28)
        let limit = configuration.maxPictureSide
        guard max(height, width) <= limit else {
            throw ServiceFault(PictureError.size(height: height, width: width, limit: limit))
        }
        try configuration.checkPictures(
            of: networks.compactMap { try? $0.get().network.spec }, pixels: height * width)
        var items: [ItemAnswer] = []
        for (index, network) in networks.enumerated() {
            try reply.checkWanted(timeout: options.shared.timeout)
            let picture = network.flatMap { prepared in
                Result { () throws(PictureError) in
                    try prepared.picture(height: height, width: width, sizeLimit: limit)
                }.mapError(ServiceFault.init)
            }
            let outcome = picture.flatMap { picture in
                ServiceFault.checked(.picture(picture)).map { _ in ItemAnswer.Value.picture(picture, reference: nil) }
            }
            items.append(
                ItemAnswer(
                    index: index, name: upload.names[index], prepared: try? network.get(), outcome: outcome))
        }
        return items
    }
}

extension ServiceConfiguration {
    /// Bounds the time and memory of a request's pictures, which grow with the size that it asks for.
    /// - Parameter networks: those that are drawn, each at so many pixels.
    /// - Throws: `batch_too_large`.
    func checkPictures(of networks: [NetworkSpec], pixels: Int) throws(ServiceFault) {
        let values = networks.reduce(0) { $0 + $1.outputs * pixels }
        let operations = networks.reduce(0.0) { sum, spec in
            sum + Double(spec.parameterCount + 16 * spec.sizes.reduce(0, +)) * Double(pixels)
        }
        guard values <= maxPictureValues, operations <= Double(maxPictureOperations) else {
            throw ServiceFault(
                .unprocessableContent, "batch_too_large", "Batch too large",
                "\(networks.count) networks at \(pixels) pixels each take \(values) values and \(Int(operations)) operations; allowed are \(maxPictureValues) and \(maxPictureOperations)"
            )
        }
    }

    /// The same for the pictures that a model draws.
    func checkPictures(of call: InferenceCall) throws(ServiceFault) {
        guard call.outputs.contains(.picture), let image = call.model.input.image else { return }
        guard call.networks.isEmpty else {
            return try checkPictures(of: call.specs, pixels: image.height * image.width)
        }
        // Each pixel is drawn by one of the networks into which the decoder makes the latents, of the model's own shape.
        let sizes = call.contents.compactMap { content in
            if case .latents(_, let image) = content { image.pixels } else { nil }
        }
        try checkPictures(
            of: sizes.map { _ in call.model.input.spec }, pixels: sizes.max() ?? 0)
    }
}
