import Engine
import NeuralFunctionals
import SIREN

extension Inr2Array: ReferenceModule {
    /// Results: `latent`, (batch, latents, width) or (batch, width), and `output`, the pictures drawn from it, (batch,
    /// channels, height, width).
    package static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord {
        let input = try networks(input)
        guard let image = input.image else { throw ModelError("the configuration lacks 'kind'") }
        let model = try Inr2Array(
            parameters, try Inr2ArrayConfiguration(settings), spec: input.spec, image: image,
            transform: input.transform)
        return { input, batch, builder in
            let latents = model.encode(try input.features(channels: 1), in: builder)
            let width = model.latentWidth
            let shape = model.configuration.isSpatial ? [batch, model.latentCount, width] : [batch, width]
            let pictures = model.decoder.draw(latents, batch: batch, image, in: builder)
            // Pixels are channel-last here and channel-first in the file.
            let planes = builder.matrix(rows: batch * image.channels * image.pixels, columns: 1)
            builder.swapAxes(
                pictures.reshaped(rows: planes.rows, columns: 1),
                Axes(outer: batch, middle: image.pixels, inner: image.channels), into: planes)
            return [
                "latent": .tensor(latents, shape),
                "output": .tensor(planes, [batch, image.channels, image.height, image.width]),
            ]
        }
    }
}
