import Clocks
import HTTPTypes
import ModelStore
import Networks
import NeuralFunctionals

extension InferenceRequest {
    /// The INR's own picture, computed here rather than queued for a model; `checkCost` bounds what it takes.
    func draw(
        _ prepared: Prepared, _ options: RequestOptions, _ timing: RequestTiming
    ) throws(ServiceFault) {
        let began = Instant.now
        let image = prepared.model?.manifest.input.image
        let (height, width) = (options.height ?? image?.height ?? 28, options.width ?? image?.width ?? 28)
        let limit = service.configuration.maxPictureSide
        guard max(height, width) <= limit else {
            throw ServiceFault(PictureError.size(height: height, width: width, limit: limit))
        }
        try service.configuration.checkPictures(of: prepared.specs, pixels: height * width)
        let input = prepared.model?.manifest.input
        let renderer = SIRENRenderer(
            omega0: Float(input?.omega0 ?? 30), convention: input?.convention ?? .nfn,
            sizeLimit: service.configuration.maxPictureSide)
        var items: [ItemAnswer] = []
        for (index, network) in prepared.networks.enumerated() {
            try checkWanted(options)
            let picture = network.flatMap { prepared in
                Result { () throws(PictureError) in
                    try renderer.picture(of: prepared.network, height: height, width: width)
                }.mapError(ServiceFault.init)
            }
            let outcome = picture.flatMap { picture in
                ServiceFault.checked(picture.values).map { _ in ItemAnswer.Value.picture(picture, reference: nil) }
            }
            items.append(ItemAnswer(index: index, detection: try? network.get().detection, outcome: outcome))
        }
        var timing = timing
        timing.compute = .now - began
        reply(try response(.pictures, items, prepared, options, timing))
    }
}

extension ServiceConfiguration {
    /// Pictures take time and memory by the request's size, which therefore must be bounded itself.
    /// - Parameter networks: those that are drawn, each at so many pixels.
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

    /// The same of the pictures that a model draws, as far as it is asked to.
    func checkPictures(_ operations: [Operation], of networks: [NetworkSpec], by model: ServedModel)
        throws(ServiceFault)
    {
        guard operations.contains(.reconstruct), let image = model.manifest.input.image else { return }
        try checkPictures(of: networks, pixels: image.height * image.width)
    }
}
