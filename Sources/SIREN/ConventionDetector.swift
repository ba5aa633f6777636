import Networks
import Tensors

/// The convention that a network appears to follow, and why.
package struct ConventionDetection: Sendable, Hashable {
    package let convention: SIRENConvention
    /// The reason as a sentence for people.
    package let reason: String
    /// False where the evidence is missing or contradictory; the client should then name the convention.
    package let isConfident: Bool

    package init(convention: SIRENConvention, reason: String, isConfident: Bool) {
        self.convention = convention
        self.reason = reason
        self.isConfident = isConfident
    }
}

/// Tells the conventions apart by the standard deviation of the first layer's biases and by the prefix of tensor names.
///
/// nfn networks draw their first biases uniformly within ±1/√2 (two inputs, whatever the hidden width) and keep a
/// standard deviation near 0.41 when fitted; dws networks start at 0 and stay below 0.03. Where the standard deviation
/// lies between or contradicts the prefix, the prefix decides, and the detection is not confident.
package enum ConventionDetector {
    /// Biases with a larger standard deviation were drawn at random: nfn.
    static let randomBiasStd = 0.2
    /// Biases with a smaller standard deviation started at zero: dws.
    static let zeroBiasStd = 0.1
    /// Fewer biases than this are not judged.
    static let fewestBiases = 8

    /// The convention of a SIREN with two inputs.
    package static func detect(_ network: NetworkWeights) -> ConventionDetection {
        let (byBiases, stdText) = byStd(network)
        let (prefix, prefixText) = byPrefix(network)
        let hint = "name it with ?convention=nfn or ?convention=dws"
        switch (byBiases, prefix) {
        case (let byBiases?, let prefix?) where byBiases == prefix:
            return ConventionDetection(
                convention: byBiases, reason: "\(stdText), and \(prefixText)", isConfident: true)
        case (let byBiases?, nil):
            return ConventionDetection(convention: byBiases, reason: "\(stdText); \(prefixText)", isConfident: true)
        case (.some, let prefix?):
            return ConventionDetection(
                convention: prefix,
                reason: "\(stdText), but \(prefixText), which was taken to decide; \(hint)", isConfident: false)
        case (nil, let prefix?):
            return ConventionDetection(
                convention: prefix, reason: "\(stdText), so that it is known only that \(prefixText); \(hint)",
                isConfident: false)
        case (nil, nil):
            return ConventionDetection(
                convention: .nfn, reason: "\(stdText), and \(prefixText); nfn was assumed: \(hint)",
                isConfident: false)
        }
    }

    private static func byStd(_ network: NetworkWeights) -> (SIRENConvention?, String) {
        guard let bias = network.layers.first?.bias, bias.count >= fewestBiases,
            let std = ArrayStatistics(name: "", tensor: bias).std
        else {
            return (nil, "the first layer has fewer than \(fewestBiases) biases to judge by")
        }
        let shown = "the first bias has standard deviation \((std * 1000).rounded() / 1000)"
        if std > randomBiasStd { return (.nfn, "\(shown) (above \(randomBiasStd): nfn)") }
        if std < zeroBiasStd { return (.dws, "\(shown) (below \(zeroBiasStd): dws)") }
        return (nil, "\(shown), between dws (below \(zeroBiasStd)) and nfn (above \(randomBiasStd))")
    }

    private static func byPrefix(_ network: NetworkWeights) -> (SIRENConvention?, String) {
        for component in (network.layers.first?.weightName ?? "").split(whereSeparator: { $0 == "." || $0 == "/" }) {
            if component == "net" { return (.nfn, "names begin with 'net.' (nfn)") }
            if component == "seq" { return (.dws, "names begin with 'seq.' (dws)") }
        }
        return (nil, "names begin with neither 'net.' nor 'seq.'")
    }
}
