import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("The canonical form of a SIREN")
struct CanonicalFormTests {
    private static let shapes = [[2, 1, 1], [2, 8, 3], [2, 32, 32, 1], [2, 5, 9, 4, 3]]

    /// A random SIREN whose biases span several half turns, so that all of the form's cases occur.
    private func network(_ sizes: [Int], seed: UInt64) -> NetworkWeights {
        NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: seed)
    }

    @Test("it equals the form that the trained models read, bit for bit")
    func reference() throws {
        let fixtures = try SIRENFixtures.load()
        #expect(fixtures.networks.count == 4)
        for pair in fixtures.networks {
            let raw = try NetworkWeights(spec: fixtures.spec, flat: floats(pair.raw))
            let expected = try floats(pair.canonical)
            #expect(raw.flattened != expected)
            #expect(CanonicalForm()(raw).flattened == expected)
        }
    }

    @Test("it draws the same picture", arguments: shapes, [1, 2, 3] as [UInt64])
    func sameFunction(sizes: [Int], seed: UInt64) throws {
        let network = network(sizes, seed: seed)
        let canonical = CanonicalForm()(network)
        let before = try DrawnFunction(network, .nfn).picture(height: 6, width: 5)
        let after = try DrawnFunction(canonical, .nfn).picture(height: 6, width: 5)
        #expect(largestDifference(before.values, after.values) < 1e-4)
        #expect(canonical != network)
    }

    @Test("it is its own canonical form", arguments: shapes, [4, 5] as [UInt64])
    func idempotent(sizes: [Int], seed: UInt64) {
        let once = CanonicalForm()(network(sizes, seed: seed))
        #expect(CanonicalForm()(once) == once)
    }

    @Test("hidden biases lie in half a turn, and largest weights are positive", arguments: shapes)
    func ranges(sizes: [Int]) {
        let canonical = CanonicalForm(omega0: 30)(network(sizes, seed: 6))
        for layer in canonical.layers.dropLast() {
            #expect(layer.bias.values.allSatisfy { $0 > -1e-6 && $0 < Float.pi / 30 + 1e-6 })
            let fanIn = layer.weight.shape[1]
            for neuron in 0..<layer.bias.count {
                let incoming = layer.weight.values[neuron * fanIn..<(neuron + 1) * fanIn]
                #expect(incoming.max() == incoming.map(abs).max())
            }
        }
    }

    @Test("neurons that differ by signs and half turns get the same form", arguments: [3, 7] as [UInt64])
    func sameClass(seed: UInt64) {
        let network = network([2, 6, 5, 1], seed: seed)
        var other = network
        for index in 0..<2 { other.layers[0].weight.values[index].negate() }
        other.layers[0].bias.values[0].negate()
        other.layers[0].bias.values[3] += 2 * Float.pi / 30
        other.layers[0].bias.values[4] -= Float.pi / 30
        for neuron in 0..<5 {
            other.layers[1].weight.values[neuron * 6].negate()
            other.layers[1].weight.values[neuron * 6 + 4].negate()
        }
        let difference = largestDifference(CanonicalForm()(other).flattened, CanonicalForm()(network).flattened)
        #expect(difference < 1e-6)
    }

    @Test("among equally large weights the first decides")
    func tie() throws {
        let weights: [Float] = [-0.5, 0.5, 0, 0, 0.25, -0.25]
        let flat = weights + [0.01, 0.02, 0.03] + [1, 2, 3] + [0.5]
        let canonical = CanonicalForm()(try NetworkWeights(spec: NetworkSpec(sizes: [2, 3, 1]), flat: flat))
        #expect(canonical.layers[0].weight.values == [0.5, -0.5, 0, 0, 0.25, -0.25])
        // −0.01 is less than zero, so that the first neuron's sign changes twice.
        #expect(canonical.layers[1].weight.values == [1, 2, 3])
        #expect(canonical.layers[0].bias.values[1] == 0.02)
        #expect(abs(canonical.layers[0].bias.values[0] - (Float.pi / 30 - 0.01)) < 1e-7)
    }

    @Test("a network of enormous biases stays finite")
    func enormous() throws {
        let flat: [Float] = [1, 1, 3e38, 1, 0]
        let canonical = CanonicalForm()(try NetworkWeights(spec: NetworkSpec(sizes: [2, 1, 1]), flat: flat))
        #expect(canonical.flattened.allSatisfy { $0.isFinite })
    }

    @Test("a convolution's outgoing weights change sign with their whole kernel")
    func convolution() throws {
        let spec = NetworkSpec(sizes: [1, 1, 1], kernels: [[1, 2], [2, 2]])
        let network = try NetworkWeights(spec: spec, flat: [-3, 1, -0.01, 1, 2, 3, 4, 0.5])
        #expect(CanonicalForm()(network).flattened == [3, -1, 0.01, -1, -2, -3, -4, 0.5])
    }

    @Test("each array is multiplied by its own scale")
    func scales() throws {
        let network = network([2, 3, 1], seed: 8)
        let scales = try #require(ArrayScales([2, 3, 4, 5], depth: 2))
        let scaled = scales(network)
        for layer in 0..<2 {
            #expect(
                scaled.layers[layer].weight.values == network.layers[layer].weight.values.map { $0 * [2, 4][layer] })
            #expect(scaled.layers[layer].bias.values == network.layers[layer].bias.values.map { $0 * [3, 5][layer] })
        }
    }

    @Test("scales that do not fit the depth or are not finite are refused")
    func wrongScales() {
        #expect(ArrayScales([1, 2, 3], depth: 2) == nil)
        #expect(ArrayScales([1, .infinity], depth: 1) == nil)
        #expect(ArrayScales([1, 1e300], depth: 1) == nil)
    }
}
