import Networks
import SIREN
import Tensors
import Testing

@testable import NetworkReading

@Suite("Stacked and flat networks")
struct BatchAndFlatTests {
    private let expectation = NetworkExpectation(spec: NetworkSpec(sizes: [2, 4, 1]))

    /// The networks stacked along a leading axis.
    private func stacked(_ networks: [NetworkWeights]) -> StateDict {
        let dicts = networks.map(\.stateDict)
        return StateDict(
            dicts[0].entries.map { entry in
                NamedTensor(
                    name: entry.name,
                    tensor: Tensor(
                        shape: [dicts.count] + entry.tensor.shape,
                        values: dicts.flatMap { $0[entry.name]?.values ?? [] }))
            })
    }

    private func examples(_ count: UInt64, _ spec: NetworkSpec = NetworkSpec(sizes: [2, 4, 1])) -> [NetworkWeights] {
        (0..<count).map { NetworkWeights.example(spec: spec, seed: $0) }
    }

    @Test("a leading axis is a batch of networks", arguments: [1, 3, 8] as [UInt64])
    func batch(count: UInt64) throws {
        let networks = examples(count)
        #expect(try NetworkWeights.batch(from: stacked(networks), expecting: expectation) == networks)
        #expect(try NetworkReading(stacked(networks)).isBatched)
    }

    @Test("convolutions can be stacked as well")
    func convolutionBatch() throws {
        let networks = examples(2, NetworkSpec(sizes: [1, 4, 10], kernels: [[3, 3], []]))
        #expect(try NetworkWeights.batch(from: stacked(networks)) == networks)
    }

    @Test("where one network is expected, a stack of one is accepted and a stack of three is refused")
    func oneNetwork() throws {
        #expect(try NetworkWeights(stacked(examples(1))) == examples(1)[0])
        let error = try #require(throws: NetworkError.self) { try NetworkWeights(stacked(examples(3))) }
        #expect(error.detail == "expected one network; received a batch of 3")
    }

    @Test("tensors of another batch size are refused")
    func disagreeingBatch() {
        let dict = stacked(examples(4)).reshaping("net.1.bias", to: [3, 1])
        #expect(
            detail(dict)
                == "tensor 'net.1.bias': expected [4, 1] (a batch of 4 follows from 'net.0.linear.weight'), "
                + "received [3, 1]")
        let weight = stacked(examples(4)).reshaping("net.0.linear.weight", to: [5, 4, 2])
        #expect(
            detail(weight)
                == "tensor 'net.0.linear.weight': expected [4, 4, 2] (a batch of 4 follows from 'net.0.linear.bias'), "
                + "received [5, 4, 2]")
    }

    @Test("an empty batch is refused")
    func emptyBatch() {
        let dict = stateDict([("w0", [0, 4, 2]), ("b0", [0, 4]), ("w1", [0, 1, 4]), ("b1", [0, 1])])
        #expect(mismatches(dict).first?.detail == "expected at least one network; received a batch of 0")
        let flat = stateDict([("weights", [0, 17])])
        #expect(mismatches(flat, expecting: expectation).map(\.code) == [.shapeMismatch])
    }

    @Test("one network without the leading axis among stacked tensors is refused")
    func mixedRanks() {
        let dict = stacked(examples(4)).reshaping("net.1.bias", to: [1])
        #expect(mismatches(dict).map(\.tensor) == ["net.1.bias"])
        #expect(mismatches(dict).first?.expected == "[4, 1]")
    }

    @Test("a flat vector is cut into w0, b0, w1, b1", arguments: ["weights", "arr_0", "data", "w"])
    func flat(name: String) throws {
        let network = examples(1)[0]
        let vector = Tensor(shape: [17], values: network.flattened)
        let reading = try NetworkReading(StateDict([NamedTensor(name: name, tensor: vector)]), expecting: expectation)
        #expect(reading.isFlat && !reading.isBatched)
        #expect(reading.networks == [network])
        #expect(network.flattened.prefix(8).elementsEqual(network.layers[0].weight.values))
        #expect(network.flattened[8..<12].elementsEqual(network.layers[0].bias.values))
    }

    @Test("flat vectors can be stacked, and may come with a label")
    func flatBatch() throws {
        let networks = examples(5)
        let matrix = Tensor(shape: [5, 17], values: networks.flatMap(\.flattened))
        let label = NamedTensor(name: "label", tensor: Tensor(zeros: [5]), elementType: .int64)
        let dict = StateDict([label, NamedTensor(name: "weights", tensor: matrix)])
        let reading = try NetworkReading(dict, expecting: expectation)
        #expect(reading.isFlat && reading.isBatched)
        #expect(reading.networks == networks)
        #expect(reading.ignored == ["label"])
    }

    @Test(
        "a flat vector of another length is refused with the parameters of every layer",
        arguments: [[16], [3, 18], [0]] as [[Int]])
    func wrongLength(shape: [Int]) {
        #expect(
            detail(stateDict([("weights", shape)]), expecting: expectation)
                == "tensor 'weights': expected [17] or [batch, 17] (2-4-1: 12 + 5 parameters), received \(shape)")
    }

    @Test("a flat vector needs a model of known sizes")
    func flatWithoutModel() {
        let found = mismatches(stateDict([("weights", [17])]))
        #expect(found.map(\.code) == [.missingTensor])
    }

    @Test("a number in a flat vector that is not finite is named")
    func flatNonFinite() {
        var values = [Float](repeating: 0, count: 34)
        values[20] = .infinity
        let dict = StateDict([NamedTensor(name: "weights", tensor: Tensor(shape: [2, 17], values: values))])
        #expect(
            detail(dict, expecting: expectation)
                == "tensor 'weights': expected finite numbers, received inf at [1, 3] (flat index 20)")
    }

    @Test("a single layer is not read as a flat vector")
    func loneLayer() {
        let found = mismatches(stateDict([("net.0.weight", [1, 17])]), expecting: expectation)
        #expect(found.contains { $0.code == .missingTensor && $0.tensor == "net.0.bias" })
    }
}
