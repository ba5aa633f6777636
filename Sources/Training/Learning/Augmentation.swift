import Foundation
import Networks
import SIREN
import Tensors

/// Random changes of an INR: exact symmetries, which leave its picture as it is, and movements of the picture, which are
/// exact too, since a movement of the coordinates is a change of the first layer.
package struct Augmentation: Sendable, Equatable {
    package var flipsSigns = false
    package var halfTurns = false
    package var permutes = false
    /// Deviation of Gaussian noise on every weight, as a share of its array's deviation.
    package var noise: Float = 0
    /// Mirrors the picture left to right, half of the time.
    package var mirrors = false
    /// The largest shift along either axis, in coordinates (the picture spans 2).
    package var shift: Float = 0
    /// The largest rotation, in radians.
    package var rotation: Float = 0
    /// The largest share by which the picture grows or shrinks.
    package var zoom: Float = 0
    /// The networks' sine frequency.
    package private(set) var omega0: Float = 30
    /// Says which of the networks' two inputs is the row of the picture.
    package private(set) var convention = SIRENConvention.nfn

    package init() {}

    /// The same changes, for networks of that frequency and convention.
    package func with(omega0: Float, convention: SIRENConvention = .nfn) -> Augmentation {
        var result = self
        result.omega0 = omega0
        result.convention = convention
        return result
    }

    package func callAsFunction(_ network: NetworkWeights, _ random: inout RandomSource) -> NetworkWeights {
        var result = network
        if mirrors || shift > 0 || rotation > 0 || zoom > 0 { move(&result.layers[0], &random) }
        for layer in result.layers.indices.dropLast() {
            let (signs, turns) = symmetries(result.layers[layer].bias.count, &random)
            result.layers[layer].apply(signs: signs, turns: turns, halfTurn: .pi / omega0)
            result.layers[layer + 1].flipInputs(zip(signs, turns).map { $0 != ($1 != 0) })
        }
        if permutes {
            for layer in result.layers.indices.dropLast() {
                let order = Array(0..<result.layers[layer].bias.count).shuffled(using: &random)
                result = result.permutingHidden(layer: layer, by: order) ?? result
            }
        }
        if noise > 0 {
            for layer in result.layers.indices {
                result.layers[layer].weight.disturb(noise, &random)
                result.layers[layer].bias.disturb(noise, &random)
            }
        }
        return result
    }

    private func symmetries(_ neurons: Int, _ random: inout RandomSource) -> (signs: [Bool], turns: [Int]) {
        let signs = (0..<neurons).map { _ in flipsSigns && random.next() >> 63 == 1 }
        let turns = (0..<neurons).map { _ in
            guard halfTurns else { return 0 }
            let bits = random.next() >> 62
            return bits < 2 ? 0 : bits == 2 ? 1 : -1
        }
        return (signs, turns)
    }

    /// f(x) becomes f(A x + t): w becomes w A, and b becomes b + w t.
    private func move(_ layer: inout NetworkLayer, _ random: inout RandomSource) {
        let angle = rotation > 0 ? random.uniform(in: -rotation...rotation) : 0
        let scale = 1 + (zoom > 0 ? random.uniform(in: -zoom...zoom) : 0)
        let mirror: Float = mirrors && random.next() >> 63 == 1 ? -1 : 1
        let (sine, cosine) = (sin(angle) * scale, cos(angle) * scale)
        let offset = shift > 0 ? (random.uniform(in: -shift...shift), random.uniform(in: -shift...shift)) : (0, 0)
        // Where the row's and the column's weight stand in a neuron's pair.
        let (first, second) = convention == .nfn ? (0, 1) : (1, 0)
        for neuron in 0..<layer.bias.count {
            let (row, column) = (layer.weight.values[2 * neuron + first], layer.weight.values[2 * neuron + second])
            layer.bias.values[neuron] += row * offset.0 + column * offset.1
            layer.weight.values[2 * neuron + first] = row * cosine + column * sine
            layer.weight.values[2 * neuron + second] = mirror * (column * cosine - row * sine)
        }
    }
}

extension NetworkLayer {
    /// Negates neurons marked in `signs`, then turns each by its number of half turns.
    fileprivate mutating func apply(signs: [Bool], turns: [Int], halfTurn: Float) {
        let fanIn = weight.count / max(bias.count, 1)
        for neuron in 0..<bias.count {
            if signs[neuron] {
                for index in neuron * fanIn..<(neuron + 1) * fanIn { weight.values[index].negate() }
                bias.values[neuron].negate()
            }
            bias.values[neuron] += Float(turns[neuron]) * halfTurn
        }
    }
}

extension Tensor {
    fileprivate mutating func disturb(_ share: Float, _ random: inout RandomSource) {
        let squares = values.reduce(0) { $0 + $1 * $1 }
        let deviation = share * (squares / Float(max(count, 1))).squareRoot()
        for index in values.indices { values[index] += deviation * random.normal() }
    }
}
