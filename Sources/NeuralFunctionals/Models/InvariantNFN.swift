import Engine
import Networks

/// Settings of an invariant classifier or accuracy predictor.
package struct InvariantNFNConfiguration: Decodable, Sendable {
    package enum InputEncoding: String, Decodable, Sendable {
        case gaussian
        case pointwise
    }

    package enum Norm: String, Decodable, Sendable {
        case simple
        case param
    }

    package enum Pool: String, Decodable, Sendable {
        case np = "NP"
        case hnp = "HNP"

        var layer: InvariantPool { self == .np ? .np : .hnp }
    }

    package let mode: LinearMode
    package let pool: Pool
    package let hiddenChannels: [Int]
    package let headSize: Int
    package let outputs: Int
    package let normalizes: Bool
    package let norm: Norm?
    package let endsInSigmoid: Bool
    package let inputEncoding: InputEncoding?
    package let encodesPositions: Bool
    package let gaussian: GaussianSettings?
    package let pointwise: PointwiseSettings?
    package let sinusoidal: SinusoidalSettings?
    /// Above zero, a dropout took a place after every activation while training, and so in the names.
    package let featureDropout: Double
    package let headDropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case mode
        case pool = "pool_mode"
        case hiddenChannels = "hchannels"
        case headSize = "h_size"
        case outputs = "num_out"
        case normalizes = "normalize"
        case norm = "lnorm"
        case endsInSigmoid = "sigmoid"
        case inputEncoding = "inp_enc"
        case encodesPositions = "pos_enc"
        case gaussian
        case pointwise
        case sinusoidal = "io_sinusoidal"
        case featureDropout = "feature_dropout"
        case headDropout = "dropout"
    }

    /// Throws for members, nested ones included, that no setting has.
    package static func refuseUnknownMembers(of decoder: any Decoder, besides others: [String]) throws {
        try NeuralFunctionals.refuseUnknownMembers(of: decoder, known: CodingKeys.allCases.map(\.rawValue) + others)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.refuseUnknownMembers(in: .gaussian, known: GaussianSettings.memberNames)
        try values.refuseUnknownMembers(in: .pointwise, known: PointwiseSettings.memberNames)
        try values.refuseUnknownMembers(in: .sinusoidal, known: SinusoidalSettings.memberNames)
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        mode = try values.decodeIfPresent(LinearMode.self, forKey: .mode) ?? .hnp
        pool = try values.decodeIfPresent(Pool.self, forKey: .pool) ?? .hnp
        hiddenChannels = try values.decode([Int].self, forKey: .hiddenChannels)
        guard hiddenChannels.allSatisfy(SettingBounds.extent.contains) else {
            throw DecodingError.dataCorruptedError(
                forKey: .hiddenChannels, in: values,
                debugDescription:
                    "expected numbers from 1 to \(SettingBounds.extent.upperBound), received \(hiddenChannels)"
            )
        }
        headSize = try values.decodeIfPresent(.headSize, in: SettingBounds.extent) ?? 1000
        outputs = try values.decodeIfPresent(.outputs, in: SettingBounds.extent) ?? 1
        normalizes = try values.decodeIfPresent(Bool.self, forKey: .normalizes) ?? false
        norm = try values.decodeIfPresent(Norm.self, forKey: .norm)
        endsInSigmoid = try values.decodeIfPresent(Bool.self, forKey: .endsInSigmoid) ?? false
        inputEncoding = try values.decodeIfPresent(InputEncoding.self, forKey: .inputEncoding)
        encodesPositions = try values.decodeIfPresent(Bool.self, forKey: .encodesPositions) ?? false
        gaussian = try values.decodeIfPresent(GaussianSettings.self, forKey: .gaussian)
        pointwise = try values.decodeIfPresent(PointwiseSettings.self, forKey: .pointwise)
        sinusoidal = try values.decodeIfPresent(SinusoidalSettings.self, forKey: .sinusoidal)
        featureDropout = try values.decodeIfPresent(Double.self, forKey: .featureDropout) ?? 0
        headDropout = try values.decodeIfPresent(Double.self, forKey: .headDropout) ?? 0
    }
}

/// Equivariant layers, an invariant pool and an MLP: class logits of an INR, or the predicted accuracy of a CNN
/// (arXiv 2302.14040).
package struct InvariantNFN: Sendable {
    package let configuration: InvariantNFNConfiguration
    private let standardization: WeightStandardization?
    private let features: LayerSequence
    private let head: [AffineMap]

    package init(
        _ parameters: ParameterScope, _ configuration: InvariantNFNConfiguration, spec: NetworkSpec
    ) throws(ModelError) {
        guard configuration.mode != .hnp || spec.depth > 1 else {
            throw ModelError("HNP layers need networks of at least two layers")
        }
        guard configuration.norm != .param || spec.isFullyConnected else {
            throw ModelError("lnorm 'param' works on fully connected networks only")
        }
        self.configuration = configuration
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

    /// Takes the statistics of `networks`, prepared as the model reads them, for `normalize`; without it, does nothing.
    package func fitStandardization(to networks: [NetworkWeights]) { standardization?.fit(to: networks) }

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

    /// - Parameter mix: changes the pooled features before they are read, for training.
    ///
    /// *Shapes:* single-channel features → (batch, outputs).
    package func callAsFunction(
        _ x: WeightSpaceFeatures, mix: ((Matrix) -> Matrix)? = nil, in builder: PlanBuilder
    ) -> Matrix {
        let features = features(standardization.map { $0(x, in: builder) } ?? x, in: builder)
        let pooled = configuration.pool.layer(features, in: builder)
        return builder.mlp(head, on: mix?(pooled) ?? pooled, endsInSigmoid: configuration.endsInSigmoid)
    }
}

extension PlanBuilder {
    /// Affine maps with ReLU between them, and optionally a sigmoid at the end.
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
