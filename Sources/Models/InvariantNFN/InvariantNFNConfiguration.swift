import NeuralFunctionals

/// Settings of an `InvariantNFN`, under the member names of the authors' configuration files.
package struct InvariantNFNConfiguration: Sendable {
    /// How raw weights become features.
    package enum InputEncoding: String, CaseIterable, Sendable {
        /// `GaussianFourierFeatures`.
        case gaussian
        /// `Pointwise`.
        case pointwise
    }

    /// Layer norms.
    package enum Norm: String, CaseIterable, Sendable {
        /// `SimpleLayerNorm`.
        case simple
        /// `ParamLayerNorm`, for fully connected networks.
        case param
    }

    /// Invariant pools.
    package enum Pool: String, CaseIterable, Sendable {
        /// `InvariantPool.np`.
        case np = "NP"
        /// `InvariantPool.hnp`.
        case hnp = "HNP"

        var layer: InvariantPool { self == .np ? .np : .hnp }
    }

    /// `mode`, by default `HNP`: the kind of linear layer.
    package let mode: LinearMode
    /// `pool_mode`, by default `HNP`.
    package let pool: Pool
    /// `hchannels`: channels of each linear layer.
    package let hiddenChannels: [Int]
    /// `h_size`, by default 1000: width of the head's two hidden layers.
    package let headSize: Int
    /// `num_out`, by default 1: classes or scalars.
    package let outputs: Int
    /// `normalize`, by default false: whether raw weights are standardised first (`WeightStandardization`); networks
    /// must then have exactly the widths that the model was trained on.
    package let normalizes: Bool
    /// `lnorm`: the layer norm after each linear layer; nil for none.
    package let norm: Norm?
    /// `sigmoid`, by default false: whether outputs are mapped to 0…1.
    package let endsInSigmoid: Bool
    /// `inp_enc`: the first layer; nil for none.
    package let inputEncoding: InputEncoding?
    /// `pos_enc`, by default false: whether `IOSinusoidalEncoding` follows the input encoding.
    package let encodesPositions: Bool
    /// `gaussian`: needed where `inp_enc` is `gaussian`.
    package let gaussian: GaussianSettings?
    /// `pointwise`: needed where `inp_enc` is `pointwise`.
    package let pointwise: PointwiseSettings?
    /// `io_sinusoidal`: needed where `pos_enc` is true.
    package let sinusoidal: SinusoidalSettings?
    /// `feature_dropout`, by default 0: the probability of the dropout after each activation in training. It is not
    /// computed here; above 0 it takes a position of the `Sequential`, and so changes parameter names.
    package let featureDropout: Double
    /// `dropout`, by default 0: the same for the head.
    package let headDropout: Double

    /// - Throws: `SettingError` where a member is missing or out of its bounds.
    package init(_ settings: Settings) throws(SettingError) {
        mode = try settings.choice("mode", default: .hnp)
        pool = try settings.choice("pool_mode", default: .hnp)
        hiddenChannels = try settings.ints("hchannels", in: SettingBounds.extent, count: 0...256)
        headSize = try settings.int("h_size", in: SettingBounds.extent, default: 1000)
        outputs = try settings.int("num_out", in: SettingBounds.extent, default: 1)
        normalizes = try settings.bool("normalize", default: false)
        norm = try settings.optionalChoice("lnorm")
        endsInSigmoid = try settings.bool("sigmoid", default: false)
        inputEncoding = try settings.optionalChoice("inp_enc")
        encodesPositions = try settings.bool("pos_enc", default: false)
        gaussian = try settings.optionalSection("gaussian").map { settings throws(SettingError) in
            try GaussianSettings(settings)
        }
        pointwise = try settings.optionalSection("pointwise").map { settings throws(SettingError) in
            try PointwiseSettings(settings)
        }
        sinusoidal = try settings.optionalSection("io_sinusoidal").map { settings throws(SettingError) in
            try SinusoidalSettings(settings)
        }
        featureDropout = try settings.number("feature_dropout", in: 0...1, default: 0)
        headDropout = try settings.number("dropout", in: 0...1, default: 0)
    }
}
