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
}
