import Networks
import Tensors

/// Which convention an upload follows, and why.
package struct ConventionDetection: Sendable, Hashable {
    package let convention: SIRENConvention
    package let reason: String
    /// False where the signs disagree or say nothing, so that a client had better name the convention.
    package let isConfident: Bool

    package init(convention: SIRENConvention, reason: String, isConfident: Bool) {
        self.convention = convention
        self.reason = reason
        self.isConfident = isConfident
    }
}

/// Tells the conventions apart by the spread of the first bias and by the names' prefix.
///
/// One data set starts biases at random, the other at zero, and the first layer has two inputs whatever the hidden width:
/// trained biases have a standard deviation near 0.41 or below 0.03. Where that spread and the prefix disagree, or the
/// spread lies between, the prefix decides, without confidence.
package enum ConventionDetector {
    /// Above it the first bias was drawn at random.
    static let randomBiasStd = 0.2
    /// Below it the first bias started at zero.
    static let zeroBiasStd = 0.1
    /// Fewer biases than this say nothing about their spread.
    static let fewestBiases = 8

    package static func detect(_ network: NetworkWeights) -> ConventionDetection {
        let (spread, spreadText) = bySpread(network)
        let (prefix, prefixText) = byPrefix(network)
        let hint = "name it with ?convention=nfn or ?convention=dws"
        switch (spread, prefix) {
        case (let spread?, let prefix?) where spread == prefix:
            return ConventionDetection(
                convention: spread, reason: "\(spreadText), and \(prefixText)", isConfident: true)
        case (let spread?, nil):
            return ConventionDetection(convention: spread, reason: "\(spreadText); \(prefixText)", isConfident: true)
        case (.some, let prefix?):
            return ConventionDetection(
                convention: prefix,
                reason: "\(spreadText), but \(prefixText), which was taken to decide; \(hint)", isConfident: false)
        case (nil, let prefix?):
            return ConventionDetection(
                convention: prefix, reason: "\(spreadText), so that it is known only that \(prefixText); \(hint)",
                isConfident: false)
        case (nil, nil):
            return ConventionDetection(
                convention: .nfn, reason: "\(spreadText), and \(prefixText); nfn was assumed: \(hint)",
                isConfident: false)
        }
    }

    private static func bySpread(_ network: NetworkWeights) -> (SIRENConvention?, String) {
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
