import Engine
import Networks

extension NotationClaims {
    /// What a file says beside the arrays of a network's layers, and by the names of the layers.
    ///
    /// Numbers are recognised by the last part of their path, without letter case, digits' underscores or other
    /// separators: `omega_0`, `omega`, `w0`, `scale` and the like are the factor of the layer under whose path they lie,
    /// or of all layers; names with `first` or `initial` are the first layer's, names with `hidden` the others'.
    package init(_ context: NetworkContext, of network: NetworkWeights) {
        self.init()
        readTexts(context.texts)
        readFactors(context.scalars, network)
        readNames(network)
    }

    private mutating func readTexts(_ texts: [NetworkContext.Text]) {
        for text in texts {
            let key = Self.key(text.path)
            let value = text.value.lowercased()
            let source = "\(Self.shown(text.path)) = '\(text.value.prefix(24))' in the file"
            if Self.activationKeys.contains(key), activation == nil, let known = Self.activation(value) {
                claim(activation: known, source)
            }
            if ["convention", "notation"].contains(key), let preset = NotationPreset(rawValue: value) {
                var all = NotationClaims()
                all.claim(preset.notation, source)
                self = completed(by: all)
            }
        }
    }

    private mutating func readFactors(_ scalars: [NetworkContext.Scalar], _ network: NetworkWeights) {
        let layers = network.layers.map { Self.module(of: $0.weightName) }
        var general: (value: Double, source: String)?
        for scalar in scalars where scalar.value.isFinite && scalar.value >= 1e-6 && scalar.value <= 1e6 {
            let key = Self.key(scalar.path)
            let source = "\(Self.shown(scalar.path)) = \(Self.number(scalar.value)) in the file"
            if Self.firstKeys.contains(key) {
                if omega0 == nil { claim(omega0: scalar.value, source) }
            } else if Self.hiddenKeys.contains(key) {
                if hiddenOmega0 == nil { claim(hiddenOmega0: scalar.value, source) }
            } else if Self.factorKeys.contains(key) {
                // A number in a layer's own module, such as `net.0.omega_0` beside `net.0.linear.weight`.
                let module = Self.module(of: scalar.path)
                let owners = layers.indices.filter { !module.isEmpty && (layers[$0] + ".").hasPrefix(module + ".") }
                if owners == [0], layers.count > 1 {
                    if omega0 == nil { claim(omega0: scalar.value, source) }
                } else if owners.count == 1, owners != [0] {
                    if hiddenOmega0 == nil, owners != [layers.count - 1] || layers.count == 2 {
                        claim(hiddenOmega0: scalar.value, source)
                    }
                } else if general == nil, key != "scale" || scalar.value >= 1 {
                    general = (scalar.value, source)
                }
            }
        }
        // One number for all layers: where another is said to be the first layer's, it belongs to the others.
        if let general {
            if omega0 == nil { claim(omega0: general.value, general.source) }
            if hiddenOmega0 == nil { claim(hiddenOmega0: general.value, general.source) }
        }
        if omega0 != nil || hiddenOmega0 != nil, activation == nil,
            let source = sources[.omega0] ?? sources[.hiddenOmega0]
        {
            claim(activation: .sine, "\(source), the frequency of sines")
        }
    }

    /// `seq.` is the prefix of Deep Weight Spaces' data and `net.….linear` of the reference implementation of SIRENs.
    private mutating func readNames(_ network: NetworkWeights) {
        guard let name = network.layers.first?.weightName else { return }
        let parts = name.lowercased().split(whereSeparator: { $0 == "." || $0 == "/" })
        if order == nil {
            if parts.contains("seq") {
                claim(
                    order: .columnsFirst, "names begin with 'seq.', as those of the data of Deep Weight Spaces",
                    isByNames: true)
            } else if parts.contains("net"), parts.contains("linear") {
                claim(
                    order: .rowsFirst,
                    "names begin with 'net.' and hold 'linear', as those of the SIREN reference code",
                    isByNames: true
                )
            }
        }
        if activation == nil, let known = parts.lazy.compactMap({ Self.activation(String($0)) }).first {
            claim(activation: known, "the name \(NetworkMismatch.quoted(name))")
        }
    }

    private static let activationKeys: Set<String> = [
        "activation", "act", "nonlinearity", "activationfunction", "actfn",
    ]
    private static let firstKeys: Set<String> = [
        "firstomega0", "firstomega", "omega0first", "omegafirst", "firstw0", "w0first", "w0initial", "initialw0",
        "omega0initial", "omegainitial", "initialomega0", "firstlayeromega", "firstlayeromega0", "firstlayerw0",
    ]
    private static let hiddenKeys: Set<String> = [
        "hiddenomega0", "hiddenomega", "omega0hidden", "omegahidden", "hiddenw0", "w0hidden", "hiddenlayeromega",
        "hiddenlayeromega0", "hiddenlayersomega0", "otheromega0",
    ]
    private static let factorKeys: Set<String> = [
        "omega0", "omega", "w0", "scale", "scale0", "sirenomega", "sirenomega0", "sirenw0", "omegao", "frequency",
        "freq",
        "sinefrequency", "sinew0",
    ]

    /// The activation of a word such as `Sine`, `relu` or `nn.ReLU()`; nil for another word.
    package static func activation(_ text: String) -> Nonlinearity? {
        let word = text.lowercased().filter { $0.isLetter }
        switch word {
        case "sine", "sin", "siren", "sines", "nnsine": return .sine
        case "relu", "nnrelu", "torchnnrelu": return .relu
        case "tanh", "nntanh", "torchnntanh": return .tanh
        case "sigmoid", "nnsigmoid", "torchnnsigmoid", "logistic": return .sigmoid
        case "gaussian", "gauss", "garf": return .gaussian
        default: return nil
        }
    }

    /// The last part of a path without separators, in lower case.
    private static func key(_ path: String) -> String {
        let parts = path.split(whereSeparator: { $0 == "." || $0 == "/" })
        // An array in a list has its position as the last part.
        let last = parts.last { !$0.allSatisfy(\.isNumber) } ?? ""
        return last.lowercased().filter { $0.isLetter || $0.isNumber }
    }

    /// The path without its last part.
    private static func module(of path: String) -> String {
        guard let end = path.lastIndex(where: { $0 == "." || $0 == "/" }) else { return "" }
        return String(path[..<end])
    }

    private static func shown(_ path: String) -> String { String(path.suffix(60)) }

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(value)
    }
}
