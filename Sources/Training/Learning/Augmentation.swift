import Foundation
import Networks
import SIREN
import Tensors

/// Random changes of a SIREN's weights during training, applied in the order movement, symmetries, permutation, noise.
///
/// Sign flips, half turns and permutations are symmetries: the network's function stays the same up to rounding.
/// Mirrors, shifts, rotations and zooms move the picture: f(u) becomes f(A u + t), which is an exact change of the
/// first layer, W₀ ← W₀ A and b₀ ← b₀ + W₀ t.
package struct Augmentation: Sendable, Equatable {
    /// Negates each hidden neuron's weights, bias and outgoing weights with probability ½: sin(−z) = −sin z.
    package var flipsSigns = false
    /// Moves each hidden neuron's bias by π/ω₀ or −π/ω₀, each with probability ¼, and negates its outgoing weights:
    /// sin(z ± π) = −sin z.
    package var halfTurns = false
    /// Puts the neurons of each hidden layer into a random order.
    package var permutes = false
    /// The standard deviation of the Gaussian noise that is added to every weight and bias, divided by the root mean
    /// square of its array; 0 for none.
    package var noise: Float = 0
    /// Mirrors the picture left to right, with probability ½.
    package var mirrors = false
    /// The largest shift along either axis, in coordinates (the picture spans 2); 0 for none.
    package var shift: Float = 0
    /// The largest rotation, in radians; 0 for none.
    package var rotation: Float = 0
    /// The largest zoom: coordinates are multiplied by a factor drawn uniformly from [1 − zoom, 1 + zoom]; 0 for none.
    package var zoom: Float = 0
    /// The networks' sine frequency ω₀, in radians for each unit of a layer's output.
    package private(set) var omega0: Float = 30
    /// The order of the networks' two inputs, row and column.
    package private(set) var convention = SIRENConvention.nfn

    /// No changes, for networks of ω₀ = 30 in the `nfn` convention.
    package init() {}

    /// The same changes for networks of another frequency and convention.
    package func with(omega0: Float, convention: SIRENConvention = .nfn) -> Augmentation {
        var result = self
        result.omega0 = omega0
        result.convention = convention
        return result
    }

    /// A changed copy of the network. The changes are drawn from `random`, so the same state gives the same copy.
    /// - Parameter network: a SIREN of two inputs, in the convention and with the frequency of this augmentation.
    package func callAsFunction(_ network: NetworkWeights, _ random: inout RandomSource) -> NetworkWeights {
        var result = network
        if mirrors || shift > 0 || rotation > 0 || zoom > 0 { move(&result.layers[0], &random) }
        for layer in result.layers.indices.dropLast() where flipsSigns || halfTurns {
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

    /// For each neuron whether its sign flips, and its number of half turns (−1, 0 or 1).
    private func symmetries(_ neurons: Int, _ random: inout RandomSource) -> (signs: [Bool], turns: [Int]) {
        let signs = (0..<neurons).map { _ in flipsSigns && random.next() >> 63 == 1 }
        let turns = (0..<neurons).map { _ in
            guard halfTurns else { return 0 }
            let bits = random.next() >> 62
            return bits < 2 ? 0 : bits == 2 ? 1 : -1
        }
        return (signs, turns)
    }

    /// f(u) becomes f(A u + t): W₀ becomes W₀ A, and b₀ becomes b₀ + W₀ t, with A = scale · rotation · diag(1, mirror)
    /// over (row, column).
    private func move(_ layer: inout NetworkLayer, _ random: inout RandomSource) {
        let angle = rotation > 0 ? random.uniform(in: -rotation...rotation) : 0
        let scale = 1 + (zoom > 0 ? random.uniform(in: -zoom...zoom) : 0)
        let mirror: Float = mirrors && random.next() >> 63 == 1 ? -1 : 1
        let (sine, cosine) = (sin(angle) * scale, cos(angle) * scale)
        let offset = shift > 0 ? (random.uniform(in: -shift...shift), random.uniform(in: -shift...shift)) : (0, 0)
        // The positions of the row's and the column's weight in a neuron's pair.
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
    /// Negates the incoming weights and biases of the neurons marked in `signs`, then adds `turns` · `halfTurn` to each
    /// bias.
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
    /// Adds Gaussian noise whose standard deviation is `share` times the root mean square of the elements.
    fileprivate mutating func disturb(_ share: Float, _ random: inout RandomSource) {
        let squares = values.reduce(0) { $0 + $1 * $1 }
        let deviation = share * (squares / Float(max(count, 1))).squareRoot()
        for index in values.indices { values[index] += deviation * random.normal() }
    }
}
