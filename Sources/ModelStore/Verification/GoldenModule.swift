import Engine
import Networks
import NeuralFunctionals
import Tensors

/// What goes into or comes out of a module while a plan is built.
enum ModuleValue {
    case features(WeightSpaceFeatures)
    /// A matrix and the shape under which the reference knows it.
    case tensor(Matrix, [Int])
}

/// A layer or model built from a golden file's configuration and parameters.
struct GoldenModule {
    /// Records the module's steps; the results are named as in the file.
    let record: (ModuleValue, Int, PlanBuilder) throws -> [String: ModuleValue]
    /// Its parameters, without buffers.
    let parameters: [ParameterBinding]

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

    private typealias Record = (ModuleValue, Int, PlanBuilder) throws -> [String: ModuleValue]

    private static func layer(
        _ name: String, _ configuration: GoldenConfiguration, _ parameters: ParameterScope
    ) throws -> Record {
        let spec = try configuration.network()
        let settings = configuration.settings
        func channels() throws -> Int { try configuration.required(settings.channels, "channels") }
        func inputs() throws -> Int { try configuration.required(settings.inputChannels, "in_channels") }
        func outputs() throws -> Int { try configuration.required(settings.outputChannels, "out_channels") }
        func heads() throws -> Int {
            let heads = try configuration.required(settings.heads, "num_heads")
            guard try channels() % heads == 0 else {
                throw VerificationError("\(try channels()) channels do not divide into \(heads) heads")
            }
            return heads
        }
        func sharesProjections() throws -> Bool {
            let shares = settings.sharesProjections ?? true
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
                    embedsIO: settings.embedsIO ?? false), reading: try inputs())
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
                    expansion: try configuration.required(settings.expansion, "ff_factor"),
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
                    count: try configuration.required(settings.mappingSize, "mapping_size")), reading: try inputs())
        case "IOSinusoidalEncoding":
            let settings = try configuration.model(SinusoidalSettings.self)
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
                let x = try features(input)
                return ["output": .tensor(x.flattened(in: builder), [batch, spec.parameterCount, x.channels])]
            }
        case "CrossAttnEncoder":
            try needFullyConnected()
            let (width, latents) = (try channels(), try configuration.required(settings.latents, "num_latents"))
            let layer = CrossAttnEncoder(parameters, channels: width, latents: latents)
            return { input, batch, builder in
                let x = try features(input, channels: width)
                return ["output": .tensor(layer(x, in: builder), [batch, latents, width])]
            }
        case "CrossAttnDecoder":
            try needFullyConnected()
            let width = try channels()
            let layer = CrossAttnDecoder(parameters, spec, channels: width)
            return { input, batch, builder in
                ["output": .features(layer(try matrix(input, width: width), batch: batch, in: builder))]
            }
        default:
            throw VerificationError("unknown layer '\(name)'")
        }
    }

    private static func model(
        _ name: String, _ configuration: GoldenConfiguration, _ parameters: ParameterScope
    ) throws -> Record {
        switch name {
        case "AutoEncoder":
            guard let image = configuration.image else { throw VerificationError("the configuration lacks 'kind'") }
            let model = try Inr2Array(
                parameters, try configuration.model(Inr2ArrayConfiguration.self), spec: try configuration.network(),
                image: image)
            return { input, batch, builder in
                let latents = model.encode(try features(input, channels: 1), in: builder)
                let width = model.latentWidth
                let shape = model.configuration.isSpatial ? [batch, model.latentCount, width] : [batch, width]
                let pictures = model.decoder.draw(latents, batch: batch, in: builder)
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
        case "TransformerClassifier":
            let model = try LatentClassifier(parameters, try configuration.model(LatentClassifierConfiguration.self))
            return { input, batch, builder in
                let logits = try model(try matrix(input), batch: batch, in: builder)
                return ["output": .tensor(logits, [batch, logits.columns])]
            }
        case "InvariantNFN":
            let model = try InvariantNFN(
                parameters, try configuration.model(InvariantNFNConfiguration.self), spec: try configuration.network())
            return vector { x, builder in model(x, in: builder) }
        case "StatNet":
            let model = StatNet(
                parameters, try configuration.model(StatNetConfiguration.self), spec: try configuration.network())
            return vector { x, builder in model(x, in: builder) }
        case "TransferNet":
            let model = try TransferNet(
                parameters, try configuration.model(TransferNetConfiguration.self), spec: try configuration.network())
            return { input, _, builder in ["output": .features(model(try features(input, channels: 1), in: builder))] }
        default:
            throw VerificationError("unknown model '\(name)'")
        }
    }

    private static func equivariant(_ layer: some WeightSpaceLayer, reading channels: Int? = nil) -> Record {
        { input, _, builder in
            ["output": .features(layer(try features(input, channels: channels), in: builder))]
        }
    }

    private static func vector(_ model: @escaping (WeightSpaceFeatures, PlanBuilder) -> Matrix) -> Record {
        { input, batch, builder in
            let y = model(try features(input, channels: 1), builder)
            return ["output": .tensor(y, [batch, y.columns])]
        }
    }

    private static func pool(_ pool: InvariantPool) -> Record {
        { input, batch, builder in
            let x = try features(input)
            return ["output": .tensor(pool(x, in: builder), [batch, x.channels, pool.pieces(x.spec)])]
        }
    }

    /// - Parameter channels: what the module reads; nil where any number will do.
    private static func features(
        _ value: ModuleValue, channels: Int? = nil
    ) throws(VerificationError) -> WeightSpaceFeatures {
        guard case .features(let features) = value else {
            throw VerificationError("expected 'input.weight.0', 'input.bias.0', …, received 'input'")
        }
        if let channels, features.channels != channels {
            throw VerificationError("'input': expected \(channels) channels, received \(features.channels)")
        }
        return features
    }

    private static func matrix(_ value: ModuleValue, width: Int? = nil) throws(VerificationError) -> Matrix {
        guard case .tensor(let matrix, let shape) = value else {
            throw VerificationError("expected 'input', received weight-space features")
        }
        if let width, matrix.columns != width {
            throw VerificationError("'input': expected vectors of \(width), received shape \(shape)")
        }
        return matrix
    }
}
