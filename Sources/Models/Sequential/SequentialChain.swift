import Engine
import Networks
import NeuralFunctionals

/// Builds the layers of a `Sequential` one after the other and checks that each reads what the one before it gives.
struct SequentialChain {
    /// What a layer gives for each network.
    private enum Value {
        /// Features of this many channels.
        case features(Int)
        /// PyTorch's (batch, rows, columns) of a pool; here one row of rows · columns already.
        case pooled(rows: Int, columns: Int)
        /// A vector.
        case vector(Int)

        var phrase: String {
            switch self {
            case .features(let channels): "features of \(channels) channels"
            case .pooled(let rows, let columns): "an array of \(rows) × \(columns)"
            case .vector(let count): "a vector of \(count)"
            }
        }
    }

    private let spec: NetworkSpec
    /// The layers so far.
    private(set) var steps: [SequentialStep] = []
    private var value = Value.features(1)
    /// What gave `value`, in error messages.
    private var source = "the network itself"
    /// Whether the layer before wrote new features whose values it needs no more, so that an activation may overwrite
    /// them.
    private var isReplaceable = false

    init(_ spec: NetworkSpec) { self.spec = spec }

    /// Appends the layer of a node of `layers`.
    /// - Throws: `SettingError` or `ModelError`.
    mutating func append(_ parameters: ParameterScope, _ settings: Settings) throws {
        let layer = try SequentialLayer(settings)
        let name = "\(settings.path) (\(layer.rawValue))"
        switch layer {
        case .npPool, .hnpPool, .statistics, .crossAttention: try appendPool(layer, name, parameters, settings)
        case .flatten: try appendFlatten(name, settings)
        case .linear, .layerNorm, .relu, .gelu, .sigmoid, .dropout, .identity:
            try appendVectorLayer(layer, name, parameters, settings)
        default:
            guard case .features(let channels) = value else {
                throw ModelError(
                    "\(name): expected features of the network, received \(value.phrase) from \(source); layers of the network come before the pool"
                )
            }
            let part = try FeatureLayer(
                layer, name, parameters, settings, spec, channels: channels, from: source, canReplace: isReplaceable)
            if let layer = part.layer { steps.append(.layer(layer)) }
            value = .features(part.channels)
            isReplaceable = part.isReplaceable
        }
        source = name
    }

    /// The length of the vector that the last layer gives.
    /// - Throws: `ModelError` where it gives none.
    func outputs() throws(ModelError) -> Int {
        switch value {
        case .vector(let count): return count
        case .features:
            throw ModelError(
                "\(source) is the last layer: expected a vector of classes or scalars, received \(value.phrase); end in a pool such as HNPPool, Flatten and Linear"
            )
        case .pooled:
            throw ModelError(
                "\(source) is the last layer: expected a vector of classes or scalars, received \(value.phrase); add Flatten and Linear"
            )
        }
    }

    // MARK: Pools

    private mutating func appendPool(
        _ layer: SequentialLayer, _ name: String, _ parameters: ParameterScope, _ settings: Settings
    ) throws {
        guard case .features(let channels) = value else {
            throw ModelError(
                "\(name): expected features of the network, received \(value.phrase) from \(source); a chain has one pool"
            )
        }
        if layer == .crossAttention {
            guard spec.isFullyConnected else { throw ModelError("\(name): reads fully connected networks only") }
            try settings.expect("channels", channels, name, from: source)
            let latents = try settings.int("num_latents", in: SettingBounds.extent)
            let encoder = CrossAttnEncoder(parameters, channels: channels, latents: latents)
            steps.append(
                .pool { x, builder in
                    encoder(x, in: builder).reshaped(rows: x.batch, columns: latents * channels)
                })
            value = .pooled(rows: latents, columns: channels)
            return
        }
        guard layer != .hnpPool || spec.depth > 1 else {
            throw ModelError("\(name): needs networks of at least two layers; NPPool reads those of one")
        }
        let pool: InvariantPool = layer == .npPool ? .np : layer == .hnpPool ? .hnp : .statistics
        steps.append(.pool { x, builder in pool(x, in: builder) })
        value = .pooled(rows: channels, columns: pool.pieces(spec))
    }

    private mutating func appendFlatten(_ name: String, _ settings: Settings) throws {
        guard case .pooled(let rows, let columns) = value else {
            throw ModelError("\(name): expected the result of a pool, received \(value.phrase) from \(source)")
        }
        let axes = [("start_dim", 1, [1, -2]), ("end_dim", -1, [-1, 2])]
        for (member, standard, allowed) in axes {
            let axis = try settings.int(member, in: -3...2, default: standard)
            guard allowed.contains(axis) else {
                throw settings.error(
                    member,
                    "expected \(allowed[0]) or \(allowed[1]), so that a network's \(rows) × \(columns) become one vector, received \(axis)"
                )
            }
        }
        steps.append(.flatten)
        value = .vector(rows * columns)
    }

    // MARK: Layers of vectors

    private mutating func appendVectorLayer(
        _ layer: SequentialLayer, _ name: String, _ parameters: ParameterScope, _ settings: Settings
    ) throws {
        if case .features = value {
            let isElementwise = layer.elementwise != nil
            throw ModelError(
                "\(name): expected a vector or the result of a pool, received \(value.phrase) from \(source); "
                    + (isElementwise
                        ? "write {\"type\": \"TupleOp\", \"op\": \"\(layer.rawValue)\"}"
                        : "put a pool such as HNPPool and Flatten before it"))
        }
        if let activation = layer.elementwise {
            if layer == .dropout { try settings.ignoreProbability("p") }
            if let activation { steps.append(.activation(activation)) }
            return
        }
        guard case .vector(let count) = value else {
            throw ModelError(
                "\(name): expected a vector, received \(value.phrase) from \(source); put Flatten before it")
        }
        if layer == .layerNorm {
            try settings.expect("normalized_shape", count, unit: "elements", name, from: source)
            steps.append(.norm(parameters.layerNorm(count)))
            return
        }
        try settings.expect("in_features", count, unit: "elements", name, from: source)
        let outputs = try settings.int("out_features", in: SettingBounds.extent)
        let hasBias = try settings.bool("bias", default: true)
        steps.append(.affine(parameters.affine(inputs: count, outputs: outputs, hasBias: hasBias)))
        value = .vector(outputs)
    }
}

extension Settings {
    /// Checks a member that repeats what the layer before gives; it may be left out.
    /// - Parameters:
    ///   - received: what the layer before gives.
    ///   - name, source: this layer and the one before, in the message.
    /// - Throws: `ModelError` where the member, or the parameter file in its place, says another number.
    fileprivate func expect(
        _ member: String, _ received: Int, unit: String = "channels", _ name: String, from source: String
    ) throws {
        guard let expected = try optionalInt(member, in: 1...Int(Int32.max)), expected != received else { return }
        throw ModelError(
            "\(name): expected \(expected) \(unit) (\(member)), received \(received) from \(source); list the layers of the nn.Sequential in order, none left out"
        )
    }

    /// Reads the probability of a dropout, which computes nothing at inference.
    fileprivate func ignoreProbability(_ member: String) throws(SettingError) {
        _ = try number(member, in: 0...1, default: 0.5)
    }
}

/// A layer from features to features, built from its settings.
private struct FeatureLayer {
    /// Nil for one that computes nothing at inference.
    let layer: (any WeightSpaceLayer)?
    /// Channels of the result.
    let channels: Int
    /// Whether an activation may overwrite the result.
    let isReplaceable: Bool

    /// - Parameters:
    ///   - channels: of the features that it reads.
    ///   - source: what gives them, in error messages.
    ///   - canReplace: whether it may overwrite them.
    /// - Throws: `SettingError` or `ModelError`.
    init(
        _ kind: SequentialLayer, _ name: String, _ parameters: ParameterScope, _ settings: Settings,
        _ spec: NetworkSpec, channels: Int, from source: String, canReplace: Bool
    ) throws {
        func expect(_ member: String) throws { try settings.expect(member, channels, name, from: source) }
        func outputs() throws -> Int { try settings.int("out_channels", in: SettingBounds.extent) }
        switch kind {
        case .npLinear:
            try expect("in_channels")
            let outputs = try outputs()
            let embedsIO = try settings.bool("io_embed", default: false)
            let layer = NPLinear(parameters, spec, inputs: channels, outputs: outputs, embedsIO: embedsIO)
            self.init(layer, channels: outputs, isReplaceable: true)
        case .hnpLinear:
            guard spec.depth > 1 else {
                throw ModelError("\(name): needs networks of at least two layers; NPLinear reads those of one")
            }
            try expect("in_channels")
            let outputs = try outputs()
            let layer = HNPLinear(parameters, spec, inputs: channels, outputs: outputs)
            self.init(layer, channels: outputs, isReplaceable: true)
        case .pointwise:
            try expect("in_channels")
            let outputs = try outputs()
            let layer = Pointwise(parameters, spec, inputs: channels, outputs: outputs)
            self.init(layer, channels: outputs, isReplaceable: true)
        case .npAttention:
            try expect("channels")
            self.init(try Self.attention(name, parameters, settings, spec, channels: channels), channels: channels)
        case .simpleLayerNorm:
            try expect("channels")
            let layer = SimpleLayerNorm(parameters, spec, channels: channels)
            self.init(layer, channels: channels, isReplaceable: true)
        case .paramLayerNorm:
            guard spec.isFullyConnected else { throw ModelError("\(name): reads fully connected networks only") }
            try expect("channels")
            let layer = ParamLayerNorm(parameters, spec, channels: channels)
            self.init(layer, channels: channels, isReplaceable: true)
        case .gaussian:
            try expect("in_channels")
            let layer = GaussianFourierFeatures(
                parameters, inputs: channels, count: try settings.int("mapping_size", in: SettingBounds.extent),
                scale: Float(try settings.number("scale", in: -1e6...1e6, default: 10)))
            self.init(layer, channels: layer.outputChannels)
        case .sinusoidal:
            try SinusoidalSettings.demand(settings)
            let layer = try SinusoidalSettings(settings).layer
            self.init(layer, channels: channels + layer.addedChannels)
        case .positions:
            try expect("channels")
            self.init(LearnedPosEmbedding(parameters, spec, channels: channels), channels: channels)
        case .learnedScale: self.init(LearnedScale(parameters, spec), channels: channels)
        case .residual:
            self.init(
                try Self.residual(name, parameters, settings, spec, channels: channels, from: source),
                channels: channels)
        case .tupleOp:
            guard let activation = try Self.operation(settings) else {
                self.init(nil, channels: channels, isReplaceable: canReplace)
                return
            }
            self.init(FeatureActivation(activation: activation, replaces: canReplace), channels: channels)
        case .channelDropout:
            try settings.ignoreProbability("dropout")
            self.init(nil, channels: channels, isReplaceable: canReplace)
        default: throw ModelError("\(name): does not map features of the network to features")
        }
    }

    private init(_ layer: (any WeightSpaceLayer)?, channels: Int, isReplaceable: Bool = false) {
        self.layer = layer
        self.channels = channels
        self.isReplaceable = isReplaceable
    }

    /// What a `TupleOp` applies; nil where it computes nothing at inference.
    private static func operation(_ settings: Settings) throws(SettingError) -> Activation? {
        let layer = try SequentialLayer.named(
            "op", in: settings, SequentialLayer.allCases.filter { $0.elementwise != nil })
        if layer == .dropout { try settings.ignoreProbability("p") }
        return layer.elementwise ?? nil
    }

    private static func attention(
        _ name: String, _ parameters: ParameterScope, _ settings: Settings, _ spec: NetworkSpec, channels: Int
    ) throws -> NPAttention {
        try settings.demand("num_heads", "write num_heads of the NPAttention; that of the nfn package is 8")
        let heads = try settings.int("num_heads", in: SettingBounds.extent)
        guard channels % heads == 0 else {
            throw ModelError("\(name): its \(channels) channels do not divide into \(heads) heads (num_heads)")
        }
        let isShared = try settings.bool("share_projections", default: spec.isFullyConnected)
        guard !isShared || spec.isFullyConnected else {
            throw ModelError(
                "\(name): shared projections read fully connected networks only; write \"share_projections\": false")
        }
        if settings.has("dropout") { try settings.ignoreProbability("dropout") }
        return NPAttention(parameters, spec, channels: channels, heads: heads, sharesProjections: isShared)
    }

    /// x + activation(base_layer(norm(x))).
    private static func residual(
        _ name: String, _ parameters: ParameterScope, _ settings: Settings, _ spec: NetworkSpec, channels: Int,
        from source: String
    ) throws -> ResidualFeatures {
        if settings.has("dropout") { try settings.ignoreProbability("dropout") }
        var layers: [any WeightSpaceLayer] = []
        var (current, from, canReplace) = (channels, source, false)
        for member in ["norm", "base_layer", "activation"] {
            let section = try settings.section(member)
            let kind = try SequentialLayer(section)
            let own = "\(section.path) (\(kind.rawValue))"
            guard kind != .residual else { throw ModelError("\(own): a ResBlock in a ResBlock is not read") }
            let part = try FeatureLayer(
                kind, own, parameters.scope(member), section, spec, channels: current, from: from,
                canReplace: canReplace)
            if let layer = part.layer { layers.append(layer) }
            (current, from, canReplace) = (part.channels, own, part.isReplaceable)
        }
        guard current == channels else {
            throw ModelError(
                "\(name): expected \(channels) channels of its base_layer, received \(current); x + f(x) needs as many")
        }
        return ResidualFeatures(layers: layers)
    }
}

/// f(x) for every token.
private struct FeatureActivation: WeightSpaceLayer {
    let activation: Activation
    /// Whether x is overwritten.
    let replaces: Bool

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        var y = x
        if !replaces {
            y = x.like(in: builder)
            for (source, target) in zip(x.blocks, y.blocks) { builder.copy(source, to: target) }
        }
        builder.activate(y, activation)
        return y
    }
}

/// x + layers(x).
private struct ResidualFeatures: WeightSpaceLayer {
    let layers: [any WeightSpaceLayer]

    func callAsFunction(_ x: WeightSpaceFeatures, in builder: PlanBuilder) -> WeightSpaceFeatures {
        let change = layers.reduce(x) { features, layer in layer(features, in: builder) }
        let y = x.like(in: builder)
        for ((old, new), target) in zip(zip(x.blocks, change.blocks), y.blocks) {
            builder.copy(old, to: target)
            builder.add(new, to: target)
        }
        return y
    }
}
