import Tensors
import Testing

@testable import Networks

@Suite("Permutations, statistics and examples")
struct NetworkToolTests {
    @Test("the order of hidden neurons does not change the picture", arguments: [0, 1], 1...3 as ClosedRange<UInt64>)
    func permutation(layer: Int, seed: UInt64) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 7, 3]), seed: seed)
        var random = RandomSource(seed: seed)
        let order = (0..<[9, 7][layer]).shuffled(using: &random)
        let permuted = try #require(network.permutingHidden(layer: layer, by: order))
        #expect(permuted != network)
        #expect(permuted.layers[layer].bias.values[0] == network.layers[layer].bias.values[order[0]])
        let renderer = SIRENRenderer()
        let before = try renderer.picture(of: network, height: 5, width: 4)
        let after = try renderer.picture(of: permuted, height: 5, width: 4)
        #expect(largestDifference(before.values, after.values) < 1e-4)
    }

    @Test("a permutation undone gives the network back, kernels included")
    func inversePermutation() throws {
        let spec = NetworkSpec(sizes: [1, 3, 2], kernels: [[2, 2], [3, 1]])
        let network = NetworkWeights.example(spec: spec, seed: 5)
        let there = try #require(network.permutingHidden(layer: 0, by: [1, 2, 0]))
        #expect(there != network)
        #expect(there.permutingHidden(layer: 0, by: [2, 0, 1]) == network)
    }

    @Test("what is no permutation of a hidden layer is none", arguments: [[0, 1], [0, 0, 1], [0, 1, 3], []])
    func noPermutation(order: [Int]) {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 3, 3, 1]), seed: 5)
        #expect(network.permutingHidden(layer: 0, by: order) == nil)
        #expect(network.permutingHidden(layer: 2, by: [0]) == nil)
        #expect(network.permutingHidden(layer: -1, by: [0, 1, 2]) == nil)
    }

    @Test("statistics are over finite values and count the others")
    func statistics() {
        let tensor = Tensor(shape: [2, 3], values: [1, 2, 3, 6, .nan, .infinity])
        let statistics = ArrayStatistics(name: "w", tensor: tensor)
        #expect(statistics.shape == [2, 3])
        #expect((statistics.min, statistics.max) == (1, 6))
        #expect(statistics.mean == 3)
        #expect(statistics.std == 3.5.squareRoot())
        #expect(statistics.nonFiniteCount == 2)
        let none = ArrayStatistics(name: "w", tensor: Tensor(shape: [1], values: [.nan]))
        #expect(none.mean == nil && none.std == nil && none.min == nil && none.nonFiniteCount == 1)
    }

    @Test("every array has statistics under its own name")
    func allStatistics() {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 3, 1]), seed: 5)
        #expect(
            network.statistics.map(\.name) == [
                "net.0.linear.weight", "net.0.linear.bias", "net.1.weight", "net.1.bias",
            ])
        #expect(network.statistics.map(\.shape) == [[3, 2], [3], [1, 3], [1]])
    }

    @Test("an example is a network of its spec, the same for the same seed")
    func example() throws {
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        let network = NetworkWeights.example(spec: spec, seed: 11)
        #expect(network.spec == spec)
        #expect(network == .example(spec: spec, seed: 11))
        #expect(network != .example(spec: spec, seed: 12))
        #expect(try NetworkWeights(network.stateDict, expecting: NetworkExpectation(spec: spec)) == network)
        let bounds: [Float] = [0.5, 0.707107, 0.014434, 0.176778, 0.014434, 0.176778]
        for (entry, bound) in zip(network.stateDict.entries, bounds) {
            let largest = entry.tensor.values.map(abs).max() ?? 0
            #expect(largest <= bound)
            if entry.tensor.count > 1 { #expect(largest > 0.8 * bound) }
        }
    }

    @Test("random numbers are SplitMix64's")
    func knownNumbers() {
        var random = RandomSource(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test("uniform numbers fill their range and normal ones have mean 0 and deviation 1")
    func distributions() throws {
        var random = RandomSource(seed: 2)
        let uniform = (0..<4000).map { _ in random.uniform(in: -2...6) }
        let spread = ArrayStatistics(name: "", tensor: Tensor(shape: [4000], values: uniform))
        #expect(uniform.allSatisfy { $0 >= -2 && $0 <= 6 })
        #expect(abs(try #require(spread.mean) - 2) < 0.2)
        #expect(abs(try #require(spread.std) - 8 / 12.0.squareRoot()) < 0.1)
        let normal = (0..<4000).map { _ in random.normal() }
        let bell = ArrayStatistics(name: "", tensor: Tensor(shape: [4000], values: normal))
        #expect(abs(try #require(bell.mean)) < 0.08)
        #expect(abs(try #require(bell.std) - 1) < 0.08)
        #expect(Double(normal.filter { abs($0) < 1 }.count) / 4000 > 0.65)
    }
}
