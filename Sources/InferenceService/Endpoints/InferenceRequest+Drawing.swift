import HTTPTypes
import ModelStore
import Networks
import NeuralFunctionals

extension InferenceRequest {
    /// The INR's own picture, computed here rather than queued for a model; `checkCost` bounds what it takes.
    func draw(
        _ prepared: Prepared, _ options: RequestOptions, _ timing: RequestTiming
    ) throws(ServiceFault) {
        let began = ContinuousClock.now
        let image = prepared.model?.manifest.input.image
        let (height, width) = (options.height ?? image?.height ?? 28, options.width ?? image?.width ?? 28)
        if max(height, width) <= service.configuration.maxPictureSide {
            try checkCost(of: prepared, pixels: height * width)
        }
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

    /// Drawing is not queued, so a request's size alone must bound its time, and that of its answer.
    func checkCost(of prepared: Prepared, pixels: Int) throws(ServiceFault) {
        let networks = prepared.networks.compactMap { try? $0.get().network.spec }
        let values = networks.reduce(0) { $0 + $1.outputs * pixels }
        let operations = networks.reduce(0.0) { sum, spec in
            sum + Double(spec.parameterCount + 16 * spec.sizes.reduce(0, +)) * Double(pixels)
        }
        let configuration = service.configuration
        guard values <= configuration.maxPictureValues, operations <= Double(configuration.maxPictureOperations) else {
            throw ServiceFault(
                .unprocessableContent, "batch_too_large", "Batch too large",
                "\(networks.count) networks at \(pixels) pixels each take \(values) values and \(Int(operations)) operations; allowed are \(configuration.maxPictureValues) and \(configuration.maxPictureOperations)"
            )
        }
    }
}
