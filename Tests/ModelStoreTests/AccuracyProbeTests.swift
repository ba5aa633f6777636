import Engine
import Foundation
import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing
import WeightFormats

/// The embedded model `cnn-accuracy` on CNNs whose test accuracy is known.
@Suite("Predicted accuracies of CNNs") struct AccuracyProbeTests {
    /// Of the networks in `cnns.safetensors`.
    private static let accuracies: [Float] = [0.8625, 0.8046, 0.5539, 0.1]
    private static let activations: [Nonlinearity] = [.relu, .tanh, .relu, .relu]

    private let model: ServedModel
    private let networks: [NetworkWeights]

    init() throws {
        let root = try #require(EmbeddedModels.directory())
        model = try ModelFolder.load(root.appendingPathComponent("cnn-accuracy"))
        let stacked = try Fixture.stateDict("cnns.safetensors")
        networks = try NetworkWeights.batch(from: stacked, expecting: model.expectation)
    }

    private func accuracy(
        _ network: NetworkWeights, activation: Nonlinearity? = nil
    ) throws -> (value: Float, reading: ConvolutionalReading) {
        var claims = NotationClaims()
        claims.activation = activation
        let prepared = try model.prepare(network, claims, for: .scalars)
        let answer = try model.run(.scalars, [prepared.content], WorkerPool(threads: 2))[0]
        return (answer.values[0], try #require(prepared.convolutional))
    }

    @Test("accuracies are those that were measured on the test pictures, within a point")
    func accuracies() throws {
        #expect(networks.count == Self.accuracies.count)
        for (index, network) in networks.enumerated() {
            let own = try accuracy(network, activation: Self.activations[index])
            #expect(abs(own.value - Self.accuracies[index]) < 0.012, "network \(index): \(own.value)")
            #expect(own.reading.warnings.isEmpty)
        }
    }

    @Test("an activation that nobody says is the one with which the network is right more often")
    func unsaidActivations() throws {
        for index in 0..<3 {
            let own = try accuracy(networks[index])
            #expect(own.reading.activation == Self.activations[index])
            #expect(try own.value == accuracy(networks[index], activation: Self.activations[index]).value)
            #expect(own.reading.isConfident)
        }
    }

    @Test("where neither activation is better, the answer asks for it")
    func undecidedActivation() throws {
        let own = try accuracy(networks[3])
        #expect(own.reading.warnings.contains { $0.contains("activation=relu or activation=tanh") })
        #expect(abs(own.value - 0.1) < 1e-3)
    }

    @Test("neither the order of channels nor the scale of ReLUs changes the answer")
    func symmetries() throws {
        let network = networks[0]
        let expected = try accuracy(network, activation: .relu).value
        let permuted = try #require(network.permutingHidden(layer: 1, by: (0..<16).map { ($0 * 5 + 3) % 16 }))
        #expect(try abs(accuracy(permuted, activation: .relu).value - expected) < 1e-5)
        var scaled = network
        scaled.layers[0].weight.values = network.layers[0].weight.values.map { 4 * $0 }
        scaled.layers[0].bias.values = network.layers[0].bias.values.map { 4 * $0 }
        scaled.layers[1].weight.values = network.layers[1].weight.values.map { $0 / 4 }
        #expect(try accuracy(scaled, activation: .relu).value == expected, "factors of 2 are exact")
    }

    @Test("other widths are read, another depth and other activations are refused")
    func bounds() throws {
        let narrow = NetworkWeights.example(
            spec: NetworkSpec(sizes: [1, 8, 12, 16, 10], kernels: [[3, 3], [3, 3], [3, 3], []]), seed: 1)
        #expect(try accuracy(narrow, activation: .relu).value < 0.4)
        let deep = NetworkWeights.example(
            spec: NetworkSpec(sizes: [1, 8, 8, 8, 8, 10], kernels: [[3, 3], [3, 3], [3, 3], [3, 3], []]), seed: 1)
        #expect(throws: NetworkError.self) { try accuracy(deep) }
        #expect(throws: NetworkError.self) { try accuracy(networks[0], activation: .sine) }
    }
}
