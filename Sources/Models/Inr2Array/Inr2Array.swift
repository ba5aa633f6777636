import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors

/// The autoencoder from the weights of an INR to a latent array, and from the latents to small INRs that draw the
/// picture (Zhou et al., arXiv 2305.13546, §4).
///
/// The encoder is input embedding → learned position embedding → equivariant blocks → Perceiver pool. It reads networks
/// of any hidden widths; their depth, inputs and outputs must be those of `spec`.
package struct Inr2Array: Sendable {
    /// The settings that it was built from.
    package let configuration: Inr2ArrayConfiguration
    /// Shapes of the networks that the encoder reads, and of the INRs that the decoder makes.
    package let spec: NetworkSpec
    /// Extents of the pictures that the decoder draws.
    package let image: ImageShape
    /// From latents to pictures.
    package let decoder: InrDecoder
    private let encoder: WeightSpaceEncoder
    private let pool: PerceiverPool

    /// Reads the parameters `encoder.…` and `decoder.…`.
    /// - Parameter transform: of the weights that the encoder reads.
    /// - Throws: `ModelError` where the settings do not fit each other or `spec`: kernels, channels that do not
    ///   divide into heads, HNP blocks for a single layer, latents that form no square.
    package init(
        _ parameters: ParameterScope, _ configuration: Inr2ArrayConfiguration, spec: NetworkSpec, image: ImageShape,
        transform: InputTransform = InputTransform()
    ) throws(ModelError) {
        self.configuration = configuration
        self.spec = spec
        self.image = image
        let scope = parameters.scope("encoder")
        encoder = try WeightSpaceEncoder(scope, configuration.encoder, spec: spec, transform: transform)
        let poolScope = scope.scope(2 + configuration.encoder.blockCount).scope("net").scope(1)
        pool = PerceiverPool(
            poolScope, channels: configuration.encoder.channels,
            latents: configuration.pool.latentCount, width: configuration.pool.latentWidth,
            selfAttentionLayers: configuration.pool.selfAttentionLayers,
            outputs: configuration.pool.readsOutputs ? spec.outputs * configuration.encoder.carriedChannels : nil,
            means: configuration.pool.readsMeans
                ? configuration.encoder.channels * InvariantPool.np.pieces(spec) : nil)
        // A configuration with such a start has places in a square.
        if let cells = configuration.pool.startCells, let places = configuration.encoder.carriedChannels.squareSide {
            try LatentGridStart(
                cells: cells, places: places,
                latents: configuration.pool.latentCount, width: configuration.pool.latentWidth
            ).apply(to: poolScope)
        }
        decoder = try InrDecoder(
            parameters, configuration.decoder, spec: spec, image: image,
            latents: configuration.isSpatial ? configuration.pool.latentCount : 1,
            latentWidth: configuration.pool.latentWidth)
    }

    /// Latents of a network: those of the array, or 1 where the model averages them (`spatial` false).
    package var latentCount: Int { configuration.isSpatial ? pool.latentCount : 1 }
    /// Channels of a latent.
    package var latentWidth: Int { pool.latentWidth }

    /// *Shapes:* single-channel features of `batch` networks → (batch·latents, width).
    package func encode(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> Matrix {
        let (tokens, outputs) = encoder.encode(x, in: builder)
        let means = configuration.pool.readsMeans ? InvariantPool.np(tokens, in: builder) : nil
        let latents = pool(tokens.flattened(in: builder), outputs: outputs, means: means, batch: x.batch, in: builder)
        guard !configuration.isSpatial else { return latents }
        let mean = builder.matrix(rows: x.batch, columns: latents.columns)
        builder.mean(latents, Axes(outer: x.batch, middle: pool.latentCount), into: mean)
        return mean
    }
}

extension Inr2Array: Model {
    package static let type = "AutoEncoder"

    /// Members of the node: `file` and those of `Inr2ArrayConfiguration`. The input needs an `image`.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        guard let image = assembly.input.image else { throw ModelError("input.image is needed by an encoder") }
        self = try assembly.module(settings, revealing: Inr2ArrayConfiguration.revealed) { parameters in
            let configuration = try Inr2ArrayConfiguration(settings)
            try settings.demand("spatial", "write true for an array of latents, false for their mean")
            try configuration.encoder.demandHidden(settings)
            let input = assembly.input
            return try Inr2Array(parameters, configuration, spec: input.spec, image: image, transform: input.transform)
        }
    }

    /// Latents; also the picture, if the decoder is trained.
    package var outputs: [OutputDescription] {
        let latents = OutputDescription(.latents, [latentCount, latentWidth])
        guard configuration.isDecoderTrained else { return [latents] }
        return [latents, OutputDescription(.picture, [image.height, image.width, image.channels])]
    }

    package var decodedLatents: [Int]? { configuration.isDecoderTrained ? [latentCount, latentWidth] : nil }

    package func recordPicture(
        ofLatents latents: Matrix, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedOutput {
        guard configuration.isDecoderTrained else { throw Self.notOffered(.picture) }
        return .picture(decoder.draw(latents, batch: 1, image, in: builder), image)
    }

    /// Records the encoder once, and the decoder where the picture is asked for.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        try record(outputs, from: encode(pass.scaledWeights, in: pass.builder), in: pass)
    }

    /// Records outputs from latents that are recorded already, (batch·latents, width).
    func record(
        _ outputs: [Output], from latents: Matrix, in pass: ForwardPass
    ) throws(ModelError) -> [RecordedOutput] {
        var recorded: [RecordedOutput] = []
        for output in outputs {
            switch output {
            case .latents: recorded.append(.latents(latents, count: latentCount))
            // Not refused where the decoder is untrained: training records it, too.
            case .picture:
                recorded.append(.picture(decoder.draw(latents, batch: pass.batch, image, in: pass.builder), image))
            default: throw Self.notOffered(output)
            }
        }
        return recorded
    }
}
