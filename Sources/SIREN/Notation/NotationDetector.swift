import Networks
import Tensors

/// Finds the notation of a network from what is claimed, and for what is not claimed from the spread of its weights and
/// from what it draws under every notation that comes into question.
package enum NotationDetector {
    /// A reading that is better than all others by fewer nats is not certain.
    static let leastMargin = 0.8
    /// The total log-likelihood, in nats, below which no reading is credible.
    static let leastLogLikelihood = -2.0

    /// What a client's options and a file's numbers say is followed, and doubted where the network's weights and what it
    /// draws clearly speak for something else. What a file says by words that also mean other things is not followed then.
    /// - Parameters:
    ///   - claims: of the client; they have precedence over the file's.
    ///   - context: what the file says beside the layers.
    package static func read(
        _ network: NetworkWeights, claims: NotationClaims = NotationClaims(), context: NetworkContext = NetworkContext()
    ) -> NotationReading {
        let ofFile = NotationClaims(context, of: network)
        let known = claims.completed(by: ofFile)
        let matrix = context.fourierMatrix(inputs: network.spec.inputs)
        let isSettled = matrix == nil && known.isComplete
        let isByFile = known.isOfFunction(beyond: claims)
        guard !isSettled || claims.isFromOptions || isByFile else { return settled(known) }
        guard network.spec.isFullyConnected, network.spec.inputs == 2 || matrix != nil,
            [1, 3].contains(network.spec.outputs), DrawnFunction.cost(of: network.spec) <= DrawnFunction.greatestCost,
            !isConstant(network)
        else { return isSettled ? settled(known) : undrawn(network, known) }
        func search(_ known: NotationClaims) -> NotationSearch {
            var search = NotationSearch(network, known, matrix)
            search.run()
            return search
        }
        func reading(_ search: NotationSearch, _ known: NotationClaims) -> NotationReading {
            let isSettled = matrix == nil && known.isComplete
            return (isSettled ? nil : search.reading) ?? (isSettled ? settled(known) : undrawn(network, known))
        }
        let whole = search(known)
        let firm = known.withoutWeak
        if !known.weak.isEmpty {
            let without = search(firm)
            if let objection = whole.objection(by: without) {
                return reading(without, firm).warned(
                    "\(known.weakSources) is not taken for the network's notation, since its weights and what it draws speak for \(objection.better): name \(optionNames([.activation, .omega0])) where that is wrong"
                )
            }
        }
        var result = reading(whole, known)
        if let contradiction = known.contradiction {
            result = result.doubted(
                "\(contradiction) differ, but the further hidden layers are read with one frequency: multiply each layer's weights and bias by its own, and name omega0=1"
            )
        }
        // Where only weak words say something, this was compared above.
        if firm.isOfFunction(beyond: claims),
            let objection = whole.objection(by: search(claims.completed(by: ofFile.onlyOrder)))
        {
            return result.doubted(
                "read as the file says, as \(objection.claimed); the network's weights and what it draws speak for \(objection.better): correct what the file says, or name it by options"
            )
        }
        if claims.isFromOptions, claims.isOfFunction, let objection = whole.objection(by: search(ofFile)) {
            return result.doubted(
                "read as requested, as \(objection.claimed); the network's weights and what it draws speak for \(objection.better): leave the option out, or correct it"
            )
        }
        return result
    }

    /// The reading where everything is said.
    private static func settled(_ known: NotationClaims) -> NotationReading {
        NotationReading(notation: known.applied(to: Notation()), reasons: known.sources, isConfident: true)
    }

    /// Whether a layer's weights are all zero, so that the outputs do not depend on the coordinates.
    private static func isConstant(_ network: NetworkWeights) -> Bool {
        network.layers.contains { $0.weight.values.allSatisfy { $0 == 0 } }
    }

    /// The reading of a network that draws no picture: claims, or else defaults.
    private static func undrawn(_ network: NetworkWeights, _ known: NotationClaims) -> NotationReading {
        let missing = NotationPart.allCases.filter { known.sources[$0] == nil }
        var reasons = known.sources
        for part in missing { reasons[part] = "a default: the network draws no picture to judge by" }
        return NotationReading(
            notation: known.applied(to: Notation()), reasons: reasons, isConfident: missing.isEmpty,
            undetermined: missing,
            warnings: missing.isEmpty
                ? [] : ["the network draws no picture to judge its notation by; name it: \(optionNames(missing))"])
    }

    static func optionNames(_ parts: [NotationPart]) -> String {
        parts.isEmpty ? "convention" : parts.map(\.rawValue).joined(separator: ", ") + ", or convention"
    }
}
