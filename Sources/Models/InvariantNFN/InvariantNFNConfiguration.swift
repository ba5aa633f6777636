import NeuralFunctionals

/// Settings of an invariant classifier or accuracy predictor.
package struct InvariantNFNConfiguration: Sendable {
    package enum InputEncoding: String, CaseIterable, Sendable {
        case gaussian
        case pointwise
    }

    package enum Norm: String, CaseIterable, Sendable {
        case simple
        case param
    }

    package enum Pool: String, CaseIterable, Sendable {
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
