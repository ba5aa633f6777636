import Engine
import Networks
import NeuralFunctionals
import WeightFormats

/// The layers that a `Sequential` may have, under the names of their classes in `nfn.layers` and `torch.nn`.
enum SequentialLayer: String, CaseIterable, Sendable {
    case npLinear = "NPLinear"
    case hnpLinear = "HNPLinear"
    case pointwise = "Pointwise"
    case npAttention = "NPAttention"
    case simpleLayerNorm = "SimpleLayerNorm"
    case paramLayerNorm = "ParamLayerNorm"
    case gaussian = "GaussianFourierFeatureTransform"
    case sinusoidal = "IOSinusoidalEncoding"
    case positions = "LearnedPosEmbedding"
    case learnedScale = "LearnedScale"
    case residual = "ResBlock"
    case tupleOp = "TupleOp"
    case channelDropout = "ChannelDropout"
    case npPool = "NPPool"
    case hnpPool = "HNPPool"
    case statistics = "StatFeaturizer"
    case crossAttention = "CrossAttnEncoder"
    case flatten = "Flatten"
    case linear = "Linear"
    case layerNorm = "LayerNorm"
    case relu = "ReLU"
    case gelu = "GELU"
    case sigmoid = "Sigmoid"
    case dropout = "Dropout"
    case identity = "Identity"

    /// What an element-wise layer computes, which is also the `op` of a `TupleOp`; `.some(nil)` for one that computes
    /// nothing at inference, nil for other layers.
    var elementwise: Activation?? {
        switch self {
        case .relu: .some(.relu)
        case .gelu: .some(.gelu)
        case .sigmoid: .some(.sigmoid)
        case .dropout, .identity: .some(nil)
        default: nil
        }
    }

    /// The layer that the member `type` names.
    init(_ settings: Settings) throws(SettingError) { self = try Self.named("type", in: settings, Self.allCases) }

    /// One of `layers` by its name in the member `name`.
    /// - Throws: `SettingError` with the nearest known name.
    static func named(
        _ name: String, in settings: Settings, _ layers: [SequentialLayer]
    ) throws(SettingError) -> SequentialLayer {
        let text = try settings.text(name)
        if let layer = layers.first(where: { $0.rawValue == text }) { return layer }
        let names = layers.map(\.rawValue)
        let nearest = nearestName(to: text, among: names).map { "; did you mean '\($0)'?" } ?? ""
        throw settings.error(
            name, "expected \(names.joined(separator: ", ")), received '\(text.prefix(64))'\(nearest)")
    }

    // MARK: What parameters reveal

    /// Tells a layer's settings what the shapes of its parameters reveal: its type, channels and widths.
    static func reveal(
        _ file: ParameterShapes, _ spec: NetworkSpec, to settings: Settings
    ) throws(SettingError) {
        guard let layer = of(file) else { return }
        settings.reveal(layer.revealed(file, spec))
        guard layer == .residual else { return }
        for part in ["base_layer", "norm"] {
            if let section = try settings.optionalSection(part) { try reveal(file.scope(part), spec, to: section) }
        }
    }

    /// The layer that has these parameters; nil for names that no layer has, or no parameters.
    private static func of(_ file: ParameterShapes) -> SequentialLayer? {
        if file["w0_rpt.weight"] != nil { return .hnpLinear }
        if file["layer_0.weight"] != nil { return .npLinear }
        if file["weight_maps.0.weight"] != nil { return .pointwise }
        if file["to_qkv.linear.weight"] ?? file["weight_to_qkv.0.linear.weight"] != nil { return .npAttention }
        if file["w_norms.0.gamma"] != nil { return .simpleLayerNorm }
        if file["norm0_w.weight"] != nil { return .paramLayerNorm }
        if file["_B"] != nil { return .gaussian }
        if file["weight_emb.weight"] != nil { return .positions }
        if file["weight_scales.0"] != nil { return .learnedScale }
        if file.scope("base_layer").isPresent { return .residual }
        if file["embeddings"] != nil { return .crossAttention }
        return file["weight"].map { $0.count == 1 ? .layerNorm : .linear }
    }

    private func revealed(_ file: ParameterShapes, _ spec: NetworkSpec) -> [JSONMember] {
        let own = members(("type", .string(rawValue)))
        switch self {
        case .npLinear:
            return own
                + members(
                    ("in_channels", .count(Self.quotient(file.extent("layer_0.weight", 1), Self.kernel(spec, 0)))),
                    ("out_channels", .count(file.extent("bias_0.weight", 0))),
                    ("io_embed", .bool(file["in_embed"] != nil)))
        case .hnpLinear:
            // The columns of bias_0 are those of `HNPLinear`'s r_0, for every channel.
            let next = Self.kernel(spec, 1)
            let columns = Self.kernel(spec, 0) * spec.inputs + next + 1 + (spec.depth == 2 ? next * spec.outputs : 0)
            return own
                + members(
                    ("in_channels", .count(Self.quotient(file.extent("bias_0.weight", 1), columns))),
                    ("out_channels", .count(file.extent("bias_0.weight", 0))))
        case .pointwise:
            return own
                + members(
                    ("in_channels", .count(file.extent("bias_maps.0.weight", 1))),
                    ("out_channels", .count(file.extent("bias_maps.0.weight", 0))))
        case .npAttention:
            let isShared = file["to_qkv.linear.weight"] != nil
            let map = isShared ? "to_qkv.linear.weight" : "bias_to_qkv.0.linear.weight"
            return own + members(("channels", .count(file.extent(map, 1))), ("share_projections", .bool(isShared)))
        case .simpleLayerNorm: return own + members(("channels", .count(file.extent("v_norms.0.gamma", 0))))
        case .paramLayerNorm: return own + members(("channels", .count(file.extent("norm0_v.weight", 0))))
        case .gaussian:
            return own
                + members(("in_channels", .count(file.extent("_B", 0))), ("mapping_size", .count(file.extent("_B", 1))))
        case .positions: return own + members(("channels", .count(file.extent("weight_emb.weight", 1))))
        case .crossAttention:
            return own
                + members(
                    ("channels", .count(file.extent("embeddings", 1))),
                    ("num_latents", .count(file.extent("embeddings", 0))))
        case .linear:
            return own
                + members(
                    ("in_features", .count(file.extent("weight", 1))),
                    ("out_features", .count(file.extent("weight", 0))), ("bias", .bool(file["bias"] != nil)))
        case .layerNorm: return own + members(("normalized_shape", .count(file.extent("weight", 0))))
        default: return own
        }
    }

    private static func kernel(_ spec: NetworkSpec, _ layer: Int) -> Int {
        spec.layers.indices.contains(layer) ? spec.layers[layer].kernelCount : 1
    }

    private static func quotient(_ count: Int?, _ divisor: Int) -> Int? {
        count.flatMap { divisor > 0 && $0 % divisor == 0 ? $0 / divisor : nil }
    }
}
