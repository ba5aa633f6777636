import Engine
import Models
import Networks
import NeuralFunctionals
import Tensors

/// A layer or model that is built from a reference file's configuration and parameters.
struct GoldenModule {
    /// Records the module's steps into a plan; its results have the names of the file's outputs.
    let record: ReferenceRecord
    /// The parameters that have gradients, without buffers.
    let parameters: [ParameterBinding]

    /// - Throws: where the layer or model is unknown, or its settings or parameters are missing, unexpected or not
    ///   valid.
    init(_ file: GoldenFile) throws {
        let reader = ParameterReader(file.parameters)
        let configuration = file.configuration
        switch configuration.kind {
        case .layer(let name): record = try Self.layer(name, configuration, reader.root)
        case .model(let name): record = try Self.model(name, configuration, reader.root)
        }
        try reader.finish()
        parameters = reader.bindings
    }

    private static func layer(
        _ name: String, _ configuration: GoldenConfiguration, _ parameters: ParameterScope
    ) throws -> ReferenceRecord {
        let spec = try configuration.network()
        let settings = configuration.settings
        func channels() throws -> Int { try configuration.count("channels") }
        func inputs() throws -> Int { try configuration.count("in_channels") }
        func outputs() throws -> Int { try configuration.count("out_channels") }
        func heads() throws -> Int {
            let heads = try configuration.count("num_heads")
            guard try channels() % heads == 0 else {
                throw VerificationError("channels: expected a multiple of \(heads) heads, received \(try channels())")
            }
            return heads
        }
        func sharesProjections() throws -> Bool {
            let shares = try settings.bool("share_projections", default: true)
            guard !shares || spec.isFullyConnected else {
                throw VerificationError("'\(name)' needs 'share_projections': false where there are kernels")
            }
            return shares
        }
        func needFullyConnected() throws {
            guard spec.isFullyConnected else {
                throw VerificationError("'\(name)' reads fully connected networks only")
            }
        }
        switch name {
        case "Pointwise":
            return equivariant(
                Pointwise(parameters, spec, inputs: try inputs(), outputs: try outputs()), reading: try inputs())
        case "NPLinear":
            return equivariant(
                NPLinear(
                    parameters, spec, inputs: try inputs(), outputs: try outputs(),
                    embedsIO: try settings.bool("io_embed", default: false)), reading: try inputs())
        case "HNPLinear":
            guard spec.depth > 1 else { throw VerificationError("'HNPLinear' needs at least two layers") }
            return equivariant(
                HNPLinear(parameters, spec, inputs: try inputs(), outputs: try outputs()), reading: try inputs())
        case "NPAttention":
            return equivariant(
                NPAttention(
                    parameters, spec, channels: try channels(), heads: try heads(),
                    sharesProjections: try sharesProjections()), reading: try channels())
        case "Block":
            return equivariant(
                NFTBlock(
                    parameters, spec, channels: try channels(), heads: try heads(),
                    expansions: [try configuration.count("ff_factor")],
                    sharesProjections: try sharesProjections()), reading: try channels())
        case "SimpleLayerNorm":
            return equivariant(SimpleLayerNorm(parameters, spec, channels: try channels()), reading: try channels())
        case "ParamLayerNorm":
            try needFullyConnected()
            return equivariant(ParamLayerNorm(parameters, spec, channels: try channels()), reading: try channels())
        case "GaussianFourierFeatureTransform":
            return equivariant(
                GaussianFourierFeatures(
                    parameters, inputs: try inputs(),
                    count: try configuration.count("mapping_size")), reading: try inputs())
        case "IOSinusoidalEncoding":
            let settings = try SinusoidalSettings(settings)
            return equivariant(
                IOSinusoidalEncoding(
                    maximumFrequency: settings.maximumFrequency, bands: settings.bands,
                    encodesLayers: settings.encodesLayers))
        case "LearnedPosEmbedding":
            return equivariant(
                LearnedPosEmbedding(parameters, spec, channels: try channels()), reading: try channels())
        case "LearnedScale":
            return equivariant(LearnedScale(parameters, spec))
        case "ChannelDropout":
            return { input, _, _ in ["output": input] }
        case "NPPool": return pool(.np)
        case "HNPPool": return pool(.hnp)
        case "StatFeaturizer": return pool(.statistics)
        case "FlattenWeights":
            try needFullyConnected()
            return { input, batch, builder in
                let x = try input.features()
                return ["output": .tensor(x.flattened(in: builder), [batch, spec.parameterCount, x.channels])]
            }
        case "CrossAttnEncoder":
            try needFullyConnected()
            let (width, latents) = (try channels(), try configuration.count("num_latents"))
            let layer = CrossAttnEncoder(parameters, channels: width, latents: latents)
            return { input, batch, builder in
                let x = try input.features(channels: width)
                return ["output": .tensor(layer(x, in: builder), [batch, latents, width])]
            }
        case "CrossAttnDecoder":
            try needFullyConnected()
            let width = try channels()
            let layer = CrossAttnDecoder(parameters, spec, channels: width)
            return { input, batch, builder in
                ["output": .features(layer(try input.matrix(width: width), batch: batch, in: builder))]
            }
        default:
            throw VerificationError("unknown layer '\(name)'")
        }
    }

    private static func model(
        _ name: String, _ configuration: GoldenConfiguration, _ parameters: ParameterScope
    ) throws -> ReferenceRecord {
        guard let kind = ModelKinds.reference(name) else { throw VerificationError("unknown model '\(name)'") }
        return try kind.reference(parameters, configuration.settings, configuration.input)
    }

    /// A layer from features to features with the single output `output`.
    /// - Parameter channels: the channels that the input must have; nil for any.
    private static func equivariant(_ layer: some WeightSpaceLayer, reading channels: Int? = nil) -> ReferenceRecord {
        { input, _, builder in
            ["output": .features(layer(try input.features(channels: channels), in: builder))]
        }
    }

    /// An invariant pooling layer; its output has the shape (batch, channels, pieces).
    private static func pool(_ pool: InvariantPool) -> ReferenceRecord {
        { input, batch, builder in
            let x = try input.features()
            return ["output": .tensor(pool(x, in: builder), [batch, x.channels, pool.pieces(x.spec)])]
        }
    }
}
