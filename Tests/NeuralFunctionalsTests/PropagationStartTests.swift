import Engine
import Foundation
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

@testable import Models

@Suite struct PropagationStartTests {
    private static let configuration =
        #"{"block_type": "nft", "lift": "neurons", "lift_start": "propagation", "lift_width": 12, "num_blocks": 2, "enc_map_size": 8, "num_heads": 2, "ff_factor": [1, 1, 1, 1, 5, 1], "ff_activation": "geglu"}"#
    private let spec = NetworkSpec(sizes: [2, 32, 32, 1])

    private func encoder(
        _ configuration: String, _ spec: NetworkSpec, _ transform: InputTransform = InputTransform(isCanonical: true)
    ) throws -> WeightSpaceEncoder {
        try WeightSpaceEncoder(
            ParameterReader(drawing: 1).root, WeightSpaceEncoderConfiguration(try settings(configuration)), spec: spec,
            transform: transform)
    }

    /// A network whose weights are as large as those of networks fitted to pictures.
    private func network(_ random: inout RandomSource) throws -> NetworkWeights {
        func tensor(_ shape: [Int], _ deviation: Float) -> Tensor {
            Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in deviation * random.normal() })
        }
        var result = NetworkWeights.example(spec: spec, seed: 1)
        for (layer, (weight, bias)) in [(0.285, 0.4), (0.0215, 0.1), (0.074, 0.09)].enumerated() {
            result.layers[layer].weight = tensor(spec.layers[layer].weightShape, Float(weight))
            result.layers[layer].bias = tensor([spec.layers[layer].outputs], Float(bias))
        }
        return result
    }

    @Test("a new encoder's mean token of the last weights follows the network's values at the places")
    func followsTheNetwork() throws {
        let scales = try #require(ArrayScales([30, 30, 180, 30, 5, 3], depth: 3))
        let transform = InputTransform(omega0: 30, isCanonical: true, scales: scales)
        let encoder = try encoder(Self.configuration, spec, transform)
        var random = RandomSource(seed: 5)
        var pairs: [(found: Double, expected: Double)] = []
        for _ in 0..<10 {
            let network = try network(&random)
            let scaled = transform.scaled(transform.canonical(network))
            let values = FeatureValues(
                spec, weights: scaled.layers.map { $0.weight.reshaped([1, 1] + $0.weight.shape) },
                biases: scaled.layers.map { $0.bias.reshaped([1, 1, $0.bias.count]) })
            // Channel-major means of w0, b0, w1, b1, w2 and b2, as the latents read them.
            let means = summarize(values) { x, builder in InvariantPool.np(encoder(x, in: builder), in: builder) }
            for place in 0..<12 {
                let (row, column) = (place / 3, place % 3)
                let at = [Double(2 * row + 1) / 4 - 1, Double(2 * column + 1) / 3 - 1]
                pairs.append((Double(means[6 * place + 4]), Self.value(network, at)))
            }
        }
        #expect(Self.correlation(pairs) > 0.75)
    }

    /// The network's value at (row, column), by loops.
    private static func value(_ network: NetworkWeights, _ place: [Double]) -> Double {
        var x = place
        for (index, layer) in network.layers.enumerated() {
            let inputs = x.count
            x = (0..<layer.bias.count).map { neuron in
                let sum = (0..<inputs).reduce(Double(layer.bias.values[neuron])) {
                    $0 + Double(layer.weight.values[neuron * inputs + $1]) * x[$1]
                }
                return index == network.layers.count - 1 ? sum : sin(30 * sum)
            }
        }
        return x[0]
    }

    private static func correlation(_ pairs: [(found: Double, expected: Double)]) -> Double {
        let count = Double(pairs.count)
        let means = pairs.reduce((0.0, 0.0)) { ($0.0 + $1.found / count, $0.1 + $1.expected / count) }
        let sums = pairs.reduce((0.0, 0.0, 0.0)) { sums, pair in
            let (a, b) = (pair.found - means.0, pair.expected - means.1)
            return (sums.0 + a * b, sums.1 + a * a, sums.2 + b * b)
        }
        return sums.0 / (sums.1 * sums.2).squareRoot()
    }

    @Test("what it is not for is refused: other lifts, blocks and networks, and too few channels")
    func refusesOthers() throws {
        _ = try encoder(Self.configuration, spec)
        for (part, other) in [
            (#""neurons""#, #""propagated""#), (#""geglu""#, #""gelu""#), (#""num_blocks": 2"#, #""num_blocks": 3"#),
            (#""lift_width": 12"#, #""lift_width": 13"#), (#""lift_width": 12"#, #""lift_width": 16"#),
        ] {
            #expect(throws: SettingError.self) { try encoder(Self.configuration.replacing(part, with: other), spec) }
        }
        let message =
            #""lift_start": "propagation" is for sine networks of two inputs and two hidden layers in canonical form (input.canonicalize); "places" is for others"#
        #expect(throws: ModelError(message)) {
            try encoder(
                Self.configuration.replacing("[1, 1, 1, 1, 5, 1]", with: "5"), NetworkSpec(sizes: [2, 8, 8, 8, 1]))
        }
        let narrow =
            #""ff_factor" of w2: "lift_start": "propagation" at 12 places needs at least 5, received 4"#
        #expect(throws: ModelError(narrow)) {
            try encoder(Self.configuration.replacing("1, 5, 1]", with: "1, 4, 1]"), spec)
        }
    }
}
