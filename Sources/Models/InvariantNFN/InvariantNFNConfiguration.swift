import Networks
import NeuralFunctionals
import WeightFormats

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

extension InvariantNFNConfiguration {
    /// What the parameters reveal: all but `sigmoid` and the settings of `io_sinusoidal`. Nothing of the layers where they
    /// are pointwise.
    static func revealed(_ file: ParameterShapes, _ spec: NetworkSpec) -> [JSONMember] {
        let chain = file.scope("nfnet_features")
        let head = file.scope("head").scope("head")
        let positions = head.indices
        let linear = RevealedLinear.all(chain)
        let after = linear.first.map { chain.scope($0.position + 1) }
        let norm: Norm? =
            after?.scope("w_norms").isPresent == true
            ? .simple : after?["norm0_w.weight"] != nil ? .param : nil
        let step = linear.count > 1 ? linear[1].position - linear[0].position : 0
        let mappingSize = chain.extent("0._B", 1)
        let pooled = head.extent("2.weight", 1)
        let pool = linear.last.flatMap { last in
            [Pool.hnp, .np].first { pool in
                (pool == .np || spec.depth > 1) && pool.layer.pieces(spec) * last.outputs == pooled
            }
        }
        return members(
            ("mode", .text(linear.first?.mode.rawValue)), ("pool_mode", .text(pool?.rawValue)),
            ("hchannels", linear.isEmpty ? nil : .counts(linear.map(\.outputs))),
            ("h_size", .count(head.extent("2.weight", 0))),
            ("num_out", positions.count == 3 ? .count(head.extent("\(positions[2]).weight", 0)) : nil),
            ("normalize", .bool(file["mean_weights_0"] != nil)),
            ("lnorm", linear.isEmpty ? nil : .text(norm?.rawValue)),
            ("inp_enc", mappingSize == nil ? nil : .string(InputEncoding.gaussian.rawValue)),
            ("gaussian", mappingSize.map { .object(members(("mapping_size", .count($0)))) }),
            // The probability is not computed with; that there is one moves the layers after it.
            ("feature_dropout", step > (norm == nil ? 2 : 3) ? .number(0.5) : nil),
            ("dropout", positions == [2, 5, 8] ? .number(0.5) : nil))
    }
}
