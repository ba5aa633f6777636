import Engine
import Networks

extension NotationClaims {
    /// What a file says beside the arrays of a network's layers, and by the names of the layers.
    ///
    /// Frequencies are those of `FileFactors`. A text that names an activation may be that of another network, so that it
    /// is weak.
    package init(_ context: NetworkContext, of network: NetworkWeights) {
        self.init()
        readTexts(context.texts)
        readFactors(FileFactors(context, of: network))
        readNames(network)
    }

    private mutating func readTexts(_ texts: [NetworkContext.Text]) {
        for text in texts {
            let key = Self.key(text.path)
            let value = text.value.lowercased()
            let source = "\(FileFactors.shown(text.path)) = '\(text.value.prefix(24))' in the file"
            if Self.activationKeys.contains(key), activation == nil, let known = Self.activation(value) {
                claim(activation: known, source, isWeak: true)
            }
            if ["convention", "notation"].contains(key), let preset = NotationPreset(rawValue: value) {
                var all = NotationClaims()
                all.claim(preset.notation, source)
                self = completed(by: all)
            }
        }
    }

    private mutating func readFactors(_ factors: FileFactors) {
        if omega0 == nil, let said = factors.first { claim(omega0: said.value, said.source, isWeak: said.isWeak) }
        if hiddenOmega0 == nil, let said = factors.hidden {
            claim(hiddenOmega0: said.value, said.source, isWeak: said.isWeak)
        }
        if factors.differing.count == 2 {
            contradiction = factors.differing.map(\.source).joined(separator: " and ")
        }
        if activation == nil, let said = factors.first ?? factors.hidden {
            claim(activation: .sine, "\(said.source), the frequency of sines", isWeak: said.isWeak)
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

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(value)
    }
}
