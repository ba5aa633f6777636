import Datasets
import Engine
import Networks
import SIREN

/// The notation in which a corpus keeps the INRs of each activation: the commonest of those that are read first. INRs of
/// another notation are converted to it, which is exact up to one rounding of each number.
struct CorpusNotations: Equatable {
    private(set) var notations: [Nonlinearity: Notation] = [:]
    /// The activation of most of the networks that were read first.
    private(set) var main: Nonlinearity?

    init() {}

    /// - Parameter text: what `text` has written.
    init?(text: String) {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ").map(String.init)
            guard parts.count == 6, let activation = Nonlinearity(rawValue: parts[0]), let omega0 = Double(parts[1]),
                let hidden = Double(parts[2]), let order = CoordinateOrder(rawValue: parts[3]),
                let coordinates = Interval(text: parts[4]), let values = Interval(text: parts[5])
            else { return nil }
            main = main ?? activation
            notations[activation] = Notation(
                activation: activation, omega0: omega0, hiddenOmega0: hidden, order: order, coordinates: coordinates,
                values: values)
        }
    }

    /// A line for each activation, the main one first.
    var text: String {
        notations.sorted { ($0.key != main ? 1 : 0, $0.key.rawValue) < ($1.key != main ? 1 : 0, $1.key.rawValue) }
            .map { activation, own in
                "\(activation.rawValue) \(own.omega0) \(own.hiddenOmega0) \(own.order.rawValue) \(own.coordinates.text) \(own.values.text)"
            }
            .joined(separator: "\n")
    }

    /// Takes the notations of activations that were not known so far from the INRs among these networks. Ones of which
    /// a notation is certain count before others.
    mutating func learn(_ networks: [ReadNetwork]) {
        var counts: [Notation: (sure: Int, all: Int, first: Int)] = [:]
        for (index, network) in networks.enumerated() where network.family == .inr {
            let found = network.notation
            var count = counts[found.notation] ?? (0, 0, index)
            count.all += 1
            if found.isConfident, found.undetermined.isEmpty { count.sure += 1 }
            counts[found.notation] = count
        }
        let ranked = counts.sorted {
            ($0.value.sure, $0.value.all, -$0.value.first) > ($1.value.sure, $1.value.all, -$1.value.first)
        }
        for (notation, _) in ranked where notations[notation.activation] == nil {
            if main == nil { main = notation.activation }
            notations[notation.activation] = notation
        }
    }

    /// The weights of an INR in the corpus' notation, and that notation. One whose notation is in doubt is taken to be
    /// written in it already; one that cannot be converted keeps its own.
    func settled(_ network: ReadNetwork) -> (weights: [Float], notation: Notation) {
        let found = network.notation
        guard found.isConfident || main == nil else {
            return (network.weights, main.flatMap { notations[$0] } ?? found.notation)
        }
        var own = found.notation
        guard let target = notations[own.activation] else { return (network.weights, own) }
        for part in found.undetermined {
            switch part {
            case .order: own.order = target.order
            case .omega0: own.omega0 = target.omega0
            case .hiddenOmega0: own.hiddenOmega0 = target.hiddenOmega0
            case .coordinates: own.coordinates = target.coordinates
            case .values: own.values = target.values
            case .activation: break
            }
        }
        guard own != target else { return (network.weights, target) }
        do throws(NetworkError) {
            let weights = try NetworkWeights(spec: network.spec, flat: network.weights)
            return (try weights.converted(from: own, to: target).flattened, target)
        } catch {
            return (network.weights, own)
        }
    }
}
