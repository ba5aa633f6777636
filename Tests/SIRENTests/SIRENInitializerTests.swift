import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Initial weights of a SIREN")
struct SIRENInitializerTests {
    @Test("an example is a network of its spec, the same for the same seed")
    func example() {
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        let network = NetworkWeights.example(spec: spec, seed: 11)
        #expect(network.spec == spec)
        #expect(network == .example(spec: spec, seed: 11))
        #expect(network != .example(spec: spec, seed: 12))
        let bounds: [Float] = [0.5, 0.707107, 0.014434, 0.176778, 0.014434, 0.176778]
        for (entry, bound) in zip(network.stateDict.entries, bounds) {
            let largest = entry.tensor.values.map(abs).max() ?? 0
            #expect(largest <= bound)
            if entry.tensor.count > 1 { #expect(largest > 0.8 * bound) }
        }
    }

    @Test(
        "the bounds are 1/n in the first layer, √(6/n)/ω₀ in later ones and 1/√n for biases, kernels counted as inputs")
    func bounds() {
        let spec = NetworkSpec(sizes: [2, 6, 1], kernels: [[], [2, 2]])
        #expect(
            SIRENInitializer(omega0: 10).bounds(of: spec)
                == [1 / 2, 1 / Float(2).squareRoot(), Float(6.0 / 24).squareRoot() / 10, 1 / Float(24).squareRoot()])
    }

    @Test("dws networks draw the first layer like the others, begin with biases of 0 and have the data's names")
    func dws() {
        let spec = NetworkSpec(sizes: [2, 8, 1])
        let initializer = SIRENInitializer(convention: .dws)
        #expect(
            initializer.bounds(of: spec) == [Float(3).squareRoot() / 30, 0, (6 / Float(8)).squareRoot() / 30, 0])
        let network = initializer.network(spec, seed: 2)
        #expect(network.layers.allSatisfy { $0.bias.values.allSatisfy { $0 == 0 } })
        #expect(network.stateDict.names == ["seq.0.weight", "seq.0.bias", "seq.1.weight", "seq.1.bias"])
    }
}
