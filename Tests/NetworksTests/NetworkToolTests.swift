import SIREN
import Tensors
import Testing

@testable import Networks

@Suite("Permutations and statistics")
struct NetworkToolTests {
    @Test("the order of hidden neurons does not change the picture", arguments: [0, 1], 1...3 as ClosedRange<UInt64>)
    func permutation(layer: Int, seed: UInt64) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 7, 3]), seed: seed)
        var random = RandomSource(seed: seed)
        let order = (0..<[9, 7][layer]).shuffled(using: &random)
        let permuted = try #require(network.permutingHidden(layer: layer, by: order))
        #expect(permuted != network)
        #expect(permuted.layers[layer].bias.values[0] == network.layers[layer].bias.values[order[0]])
        let before = try DrawnFunction(network, .nfn).picture(height: 5, width: 4)
        let after = try DrawnFunction(permuted, .nfn).picture(height: 5, width: 4)
        #expect(zip(before.values, after.values).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test("a permutation and its inverse give the same network, kernels included")
    func inversePermutation() throws {
        let spec = NetworkSpec(sizes: [1, 3, 2], kernels: [[2, 2], [3, 1]])
        let network = NetworkWeights.example(spec: spec, seed: 5)
        let there = try #require(network.permutingHidden(layer: 0, by: [1, 2, 0]))
        #expect(there != network)
        #expect(there.permutingHidden(layer: 0, by: [2, 0, 1]) == network)
    }

    @Test(
        "lists that are not a permutation of a hidden layer are refused",
        arguments: [[0, 1], [0, 0, 1], [0, 1, 3], []])
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
}
