import Engine
import Networks
import NeuralFunctionals

/// Equivariant layers, a permutation-invariant pool and an MLP (Zhou et al., arXiv 2302.14040): the class logits of an
/// INR, or the predicted accuracy of a CNN.
///
///     head(pool(ReLU(norm(linear(… ReLU(norm(linear(encoding(weights)))) …)))))
package struct InvariantNFN: Model {
    package static let type = "InvariantNFN"

    /// The settings that it was built from.
    package let configuration: InvariantNFNConfiguration
    private let standardization: WeightStandardization?
    private let features: LayerSequence
    private let head: [AffineMap]
    /// Whether its outputs are logits of classes, and not scalars.
    private let classifies: Bool

    /// Reads `nfnet_features.…`, `head.head.…` and, with `normalize`, the statistics of `WeightStandardization`.
    /// - Parameter classifies: whether the outputs are logits of classes; otherwise they are scalars.
    /// - Throws: `ModelError` where the settings do not fit each other or `spec`.
    package init(
        _ parameters: ParameterScope, _ configuration: InvariantNFNConfiguration, spec: NetworkSpec,
        classifies: Bool = false
    ) throws(ModelError) {
        guard configuration.mode != .hnp || spec.depth > 1 else {
            throw ModelError("HNP layers need networks of at least two layers")
        }
        guard configuration.norm != .param || spec.isFullyConnected else {
            throw ModelError("lnorm 'param' works on fully connected networks only")
        }
        self.configuration = configuration
        self.classifies = classifies
        standardization = configuration.normalizes ? WeightStandardization(parameters, spec) : nil
        features = try Self.features(parameters.scope("nfnet_features"), configuration, spec)
        let pooled = features.channels * configuration.pool.layer.pieces(spec)
        let step = configuration.headDropout > 0 ? 3 : 2
        let sizes = [pooled, configuration.headSize, configuration.headSize, configuration.outputs]
        head = (0..<3).map { index in
            parameters.scope("head").scope("head").scope(2 + index * step).affine(
                inputs: sizes[index], outputs: sizes[index + 1])
        }
    }

    /// Members of the node: `file` and those of `InvariantNFNConfiguration`. Outputs are logits of classes if there are
    /// labels.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let spec = assembly.input.spec
        let reveal = { InvariantNFNConfiguration.revealed($0, spec) }
        self = try assembly.module(settings, revealing: reveal) { parameters in
            let configuration = try InvariantNFNConfiguration(settings)
            if assembly.labels.isEmpty { try settings.demand("sigmoid", StatNet.sigmoidHint) }
            if !configuration.encodesPositions { try settings.refuse("io_sinusoidal", "pos_enc is not true") }
            if configuration.inputEncoding != .gaussian {
                try settings.refuse("gaussian", "inp_enc is not \"gaussian\"")
            }
            if configuration.inputEncoding != .pointwise {
                try settings.refuse("pointwise", "inp_enc is not \"pointwise\"")
            }
            if configuration.encodesPositions {
                try SinusoidalSettings.demand(settings.sectionOrEmpty("io_sinusoidal"))
            }
            return try InvariantNFN(parameters, configuration, spec: spec, classifies: !assembly.labels.isEmpty)
        }
    }

    /// Classes, or scalars without labels.
    package var outputs: [OutputDescription] {
        [OutputDescription(classifies ? .classes : .scalars, [configuration.outputs])]
    }

    package var standardizes: Bool { configuration.normalizes }

    package func fitStandardization(to networks: [NetworkWeights]) { standardization?.fit(to: networks) }

    /// Records one forward pass for all of `outputs`.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let values = self(pass.scaledWeights, mix: pass.mixed, in: pass.builder)
        return try outputs.map { output throws(ModelError) in
            switch output {
            case .classes where classifies: return .classes(RecordedClasses("weights", values))
            case .scalars where !classifies: return .scalars(values)
            default: throw Self.notOffered(output)
            }
        }
    }

    private static func features(
        _ parameters: ParameterScope, _ configuration: InvariantNFNConfiguration, _ spec: NetworkSpec
    ) throws(ModelError) -> LayerSequence {
        var chain = LayerSequence(channels: 1)
        switch configuration.inputEncoding {
        case .gaussian:
            guard let settings = configuration.gaussian else { throw ModelError("inp_enc 'gaussian' without settings") }
            chain.append(parameters, channels: 2 * settings.mappingSize) {
                GaussianFourierFeatures($0, inputs: 1, count: settings.mappingSize)
            }
        case .pointwise:
            guard let settings = configuration.pointwise else {
                throw ModelError("inp_enc 'pointwise' without settings")
            }
            chain.append(parameters, channels: settings.outputChannels) {
                Pointwise($0, spec, inputs: 1, outputs: settings.outputChannels)
            }
        case nil: break
        }
        if configuration.encodesPositions {
            guard let layer = configuration.sinusoidal?.layer else { throw ModelError("pos_enc without io_sinusoidal") }
            chain.append(parameters, channels: chain.channels + layer.addedChannels) { _ in layer }
        }
        for channels in configuration.hiddenChannels {
            let inputs = chain.channels
            chain.append(parameters, channels: channels) {
                configuration.mode.layer($0, spec, inputs: inputs, outputs: channels)
            }
            switch configuration.norm {
            case .simple: chain.append(parameters, channels: channels) { SimpleLayerNorm($0, spec, channels: channels) }
            case .param: chain.append(parameters, channels: channels) { ParamLayerNorm($0, spec, channels: channels) }
            case nil: break
            }
            chain.appendReLU()
            if configuration.featureDropout > 0 { chain.skip() }
        }
        return chain
    }

    /// *Shapes:* single-channel features → (batch, outputs).
    /// - Parameter mix: applied to the pooled features before the head reads them, for mixup in training.
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: (Matrix) -> Matrix = { $0 }, in builder: PlanBuilder
    ) -> Matrix {
        let features = features(standardization.map { $0(x, in: builder) } ?? x, in: builder)
        let pooled = configuration.pool.layer(features, in: builder)
        return builder.mlp(head, on: mix(pooled), endsInSigmoid: configuration.endsInSigmoid)
    }
}

extension PlanBuilder {
    /// Affine maps with ReLU between them; after the last one a sigmoid where `endsInSigmoid`. *Shapes:* x (rows,
    /// inputs of the first map) → (rows, outputs of the last).
    func mlp(_ maps: [AffineMap], on x: Matrix, endsInSigmoid: Bool) -> Matrix {
        let y = maps.enumerated().reduce(x) { input, step in
            let output = apply(step.element, to: input)
            if step.offset < maps.count - 1 { activate(output, .relu) }
            return output
        }
        if endsInSigmoid { activate(y, .sigmoid) }
        return y
    }
}
