import Engine
import Networks
import Tensors

/// Scores the notations that the claims leave open, the most plausible by weights first.
struct NotationSearch {
    /// A notation without its range of values and order of coordinates, which need no further drawing.
    struct Candidate {
        var notation: Notation
        var features: FourierFeatures?
        /// By prior and by the spread of the weights.
        var score: Double
    }

    struct Scored {
        var notation: Notation
        var features: FourierFeatures?
        var score: Double
        var drawing: DrawingEvidence
    }

    private let network: NetworkWeights
    private let known: NotationClaims
    /// Of Fourier features before the first layer, (frequencies, 2).
    private let matrix: [Float]?
    private let weights: WeightEvidence
    private var best: Scored?
    /// The second best reading.
    private var next: Scored?
    /// The best of the readings that are about as likely as any by prior and weights: what is taken where no drawing is
    /// credible.
    private var likeliestByWeights: Scored?
    /// How many nats less likely than the first a candidate may be for that.
    private static let likelyWithin = 2.0
    /// Candidates that are by more nats less likely than the first are not drawn.
    private static let farthest = 25.0
    /// What all drawings of a network may cost, about in floating-point operations.
    private static let greatestCost = 400_000_000
    /// Whether candidates were left that might be better.
    private var wasCutShort = false
    /// Whether what the best reading draws is smoother than with frequencies near it; true where nothing asks for it.
    private var isSharp = true

    init(_ network: NetworkWeights, _ known: NotationClaims, _ matrix: [Float]?) {
        self.network = network
        self.known = known
        self.matrix = matrix
        weights = WeightEvidence(network)
    }

    // MARK: Candidates

    private var activations: [(Nonlinearity, prior: Double)] {
        if let activation = known.activation { return [(activation, 0)] }
        if matrix != nil { return [(.relu, 0), (.sine, -2), (.tanh, -2.5)] }
        return [(.sine, 0), (.relu, -1), (.tanh, -2), (.sigmoid, -3.5)]
    }

    private func frequencies(of activation: Nonlinearity) -> [FrequencyPrior.Frequencies] {
        switch (known.omega0, known.hiddenOmega0) {
        case (let first?, let hidden?): return [(first, hidden, 0)]
        case (let first?, nil):
            return activation == .sine && first != 1 ? [(first, first, 0), (first, 1, -1)] : [(first, first, 0)]
        case (nil, let hidden?):
            return activation == .sine && hidden != 30 ? [(hidden, hidden, 0), (30, hidden, 0)] : [(hidden, hidden, 0)]
        case (nil, nil):
            guard activation == .sine else { return [(1, 1, 0)] }
            return matrix == nil ? FrequencyPrior.all : FrequencyPrior.behindFeatures
        }
    }

    private var features: [FourierFeatures?] {
        guard let matrix else { return [nil] }
        return [Float(2 * Double.pi), 1].flatMap { scale in
            [true, false].map { startsWithSines in
                FourierFeatures(
                    matrix: matrix, coordinates: 2, scale: scale, startsWithSines: startsWithSines)
            }
        }
    }

    private var candidates: [Candidate] {
        var result: [Candidate] = []
        let ranges: [(Interval, prior: Double)] =
            known.coordinates.map { [($0, 0)] } ?? [(.symmetric, 0), (.unit, -3)]
        for (activation, ofActivation) in activations {
            for frequency in frequencies(of: activation) {
                for (coordinates, ofRange) in ranges {
                    let spread = weights.logLikelihood(
                        activation, omega0: frequency.first, hiddenOmega0: frequency.hidden,
                        reach: coordinates.length / 2, readsCoordinates: matrix == nil)
                    for features in features {
                        result.append(
                            Candidate(
                                notation: Notation(
                                    activation: activation, omega0: frequency.first,
                                    hiddenOmega0: frequency.hidden, coordinates: coordinates),
                                features: features, score: ofActivation + frequency.prior + ofRange + spread))
                    }
                }
            }
        }
        return result.sorted { $0.score > $1.score }
    }

    private func ranges(of activation: Nonlinearity) -> [(Interval, prior: Double)] {
        if let values = known.values { return [(values, 0)] }
        return [(.symmetric, 0), (.unit, 0), (.centered, activation == .sine ? 0 : -2)]
    }

    // MARK: Scores

    mutating func run() {
        let cost = DrawnFunction.cost(of: network.spec) + (matrix == nil ? 0 : 36 * network.spec.inputs)
        let side = DrawingEvidence.side(cost: cost)
        // Bounds the time for networks that no reading suits: a fraction of a second.
        var drawingsLeft = max(2, Self.greatestCost / (cost * side * side))
        let coordinates = CoordinateGrid(height: side, width: side).coordinates
        let candidates = candidates
        guard let first = candidates.first?.score else { return }
        for candidate in candidates {
            // Weights that are far from what a candidate starts with.
            if candidate.score < first - Self.farthest { break }
            guard drawingsLeft > 0 else {
                wasCutShort = true
                break
            }
            // What is left cannot change the answer, whatever it draws.
            let most = candidate.score + DrawingEvidence.greatestLogLikelihood
            let needed = max(next?.score ?? -.infinity, (best?.score ?? -.infinity) - NotationDetector.leastMargin)
            if most < needed { break }
            guard let drawing = drawing(candidate.notation, candidate.features, coordinates, side: side) else {
                continue
            }
            drawingsLeft -= 1
            for (values, prior) in ranges(of: candidate.notation.activation) {
                var notation = candidate.notation
                notation.values = values
                let score = candidate.score + prior + drawing.logLikelihood(values)
                let scored = Scored(notation: notation, features: candidate.features, score: score, drawing: drawing)
                if candidate.score >= first - Self.likelyWithin, score > likeliestByWeights?.score ?? -.infinity {
                    likeliestByWeights = scored
                }
                consider(scored)
            }
        }
        isSharp = best.map { isSharp($0, coordinates, side: side) } ?? true
    }

    /// Whether a found frequency is the right one rather than one near it.
    ///
    /// A right frequency draws flat parts, which no other does, or at least something smoother than frequencies near it.
    /// Measured on SIRENs of 19 pairs of frequencies, also written with others, where the drawing has no flat parts: under
    /// wrong readings that were otherwise clear, a frequency 6 % away never drew anything rougher; under right ones, both
    /// neighbours drew something rougher by a tenth in about half of the cases.
    private func isSharp(_ scored: Scored, _ coordinates: [Float], side: Int) -> Bool {
        let isFound = known.omega0 == nil || known.weak.contains(.omega0)
        guard scored.notation.activation == .sine, isFound, !scored.drawing.isPeaked else { return true }
        return [1 / Self.nearby, Self.nearby].allSatisfy { factor in
            var notation = scored.notation
            notation.omega0 *= factor
            notation.hiddenOmega0 *= factor
            let drawing = drawing(notation, scored.features, coordinates, side: side)
            return drawing.map { $0.roughness >= 1.1 * scored.drawing.roughness } ?? true
        }
    }

    /// What the network draws in a notation; nil where it draws no picture.
    private func drawing(
        _ notation: Notation, _ features: FourierFeatures?, _ coordinates: [Float], side: Int
    ) -> DrawingEvidence? {
        guard let function = try? DrawnFunction(network, notation, features: features) else { return nil }
        return DrawingEvidence(function.outputs(at: coordinates), side: side, channels: function.channels)
    }

    /// The ratio of frequencies that are compared.
    private static let nearby = 1.06

    private mutating func consider(_ scored: Scored) {
        guard let current = best else {
            best = scored
            return
        }
        if scored.score > current.score {
            (best, next) = (scored, current)
        } else if next.map({ scored.score > $0.score }) ?? true {
            next = scored
        }
    }

    // MARK: The reading

    /// What the drawings tell; nil where none could be made.
    var reading: NotationReading? {
        guard let best else { return nil }
        let isCredible = best.score > NotationDetector.leastLogLikelihood || isUnopposed
        let isClear = next.map { best.score - $0.score > NotationDetector.leastMargin } ?? true
        // No other frequency draws flat parts too.
        let isWhole = !wasCutShort || best.drawing.isPeaked
        var notation = isCredible ? best.notation : fallback(best)
        let features = isCredible ? best.features : (likeliestByWeights?.features ?? best.features)
        var reasons = known.sources
        let drawn = isCredible ? best.drawing.text : "the spread of the weights; no reading draws a picture"
        for part in NotationPart.allCases where reasons[part] == nil && part != .order { reasons[part] = drawn }
        var warnings: [String] = []
        var undetermined: [NotationPart] = []
        var agrees = true
        (notation.order, reasons[.order], agrees) = order(notation)
        if reasons[.order] == nil {
            undetermined = [.order]
            reasons[.order] = "a default: a drawing does not tell the order of coordinates"
        }
        let isConfident = isCredible && isClear && isWhole && isSharp && agrees
        if !isConfident { warnings.append(doubt(isCredible: isCredible, isClear: isClear, isWhole: isWhole)) }
        if !undetermined.isEmpty {
            warnings.append(
                "whether the first coordinate is the row or the column is not known; rows first was assumed: name it by order=rows or order=columns"
            )
        }
        return NotationReading(
            notation: notation, reasons: reasons, isConfident: isConfident, undetermined: undetermined,
            warnings: warnings, features: features)
    }

    /// What two searches find of one network, one of them with more claims.
    struct Objection {
        /// The reading with all claims.
        let claimed: String
        /// What weights and drawings speak for.
        let better: String
    }

    /// What another search, with fewer claims, has against this one's reading; nil where it has nothing. What is claimed
    /// has no prior against it here, so that only weights and drawings decide.
    func objection(by other: NotationSearch) -> Objection? {
        guard let best, let better = other.best, other.reading?.isConfident == true,
            better.score - best.score > NotationDetector.leastMargin,
            best.notation.ordered(as: better.notation) != better.notation
        else { return nil }
        return Objection(claimed: describe(best.notation), better: describe(better.notation))
    }

    /// Whether the claims leave no part open that a drawing tells.
    private var isUnopposed: Bool {
        [NotationPart.activation, .omega0, .hiddenOmega0, .coordinates, .values].allSatisfy { known.sources[$0] != nil }
    }

    /// The likeliest notation by weights; the values of sines are those of the data sets: of Deep Weight Spaces for biases
    /// that started at zero.
    private func fallback(_ best: Scored) -> Notation {
        var notation = likeliestByWeights?.notation ?? best.notation
        guard notation.activation == .sine else { return notation }
        let isZero = weights.startedAtZero(omega0: notation.omega0) == true
        notation.values = known.values ?? (isZero ? .centered : .symmetric)
        return notation
    }

    /// The order of coordinates: what is claimed, or what biases that started at zero or at random say of the data set.
    /// The reason is nil where nothing speaks; false where claim and biases disagree.
    private func order(_ notation: Notation) -> (CoordinateOrder, String?, agrees: Bool) {
        let startedAtZero =
            notation.activation == .sine && matrix == nil ? weights.startedAtZero(omega0: notation.omega0) : nil
        let byBiases: CoordinateOrder? = startedAtZero.map { $0 ? .columnsFirst : .rowsFirst }
        let shown = String((weights.biasSpread * 1000).rounded() / 1000)
        if let claimed = known.order {
            let source = known.sources[.order] ?? ""
            guard let byBiases, byBiases != claimed, known.isOrderByNames else { return (claimed, source, true) }
            return (
                claimed,
                "\(source), although the first biases have standard deviation \(shown), as in data of the other order",
                false
            )
        }
        switch startedAtZero {
        case true?:
            return (
                .columnsFirst,
                "the first biases have standard deviation \(shown): they started at zero, as in the data of Deep Weight Spaces, whose columns come first",
                true
            )
        case false?:
            return (
                .rowsFirst,
                "the first biases have standard deviation \(shown): they started at random, as in SIRENs of PyTorch, whose rows come first",
                true
            )
        case nil: return (.rowsFirst, nil, true)
        }
    }

    private func doubt(isCredible: Bool, isClear: Bool, isWhole: Bool) -> String {
        let open = NotationPart.allCases.filter { known.sources[$0] == nil && $0 != .order && $0 != .coordinates }
        let way = "name it: \(NotationDetector.optionNames(open))"
        guard isCredible else {
            return
                "under no known notation does the network draw a smooth picture that fills its range of values; \(way)"
        }
        if isClear, !isWhole, let best {
            return
                "\(describe(best.notation)) is likely but not certain: the network is too large to be drawn under all notations in a fraction of a second; \(way)"
        }
        if isClear, !isSharp, let best {
            return
                "\(describe(best.notation)) is likely but not certain: with frequencies near it the network draws something about as smooth; \(way)"
        }
        guard !isClear, let best, let next else {
            return "names and biases speak for different orders of coordinates; name it: order, or convention"
        }
        return "two notations fit nearly alike: \(describe(best.notation)), and \(describe(next.notation)); \(way)"
    }

    private func describe(_ notation: Notation) -> String {
        let frequency =
            notation.activation == .sine
            ? " of omega0 \(NotationClaims.number(notation.omega0)) and \(NotationClaims.number(notation.hiddenOmega0))"
            : ""
        let coordinates = notation.coordinates == .symmetric ? "" : ", coordinates \(notation.coordinates.text)"
        return "\(notation.activation.rawValue)\(frequency)\(coordinates), values \(notation.values.text)"
    }
}
