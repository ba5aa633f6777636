import Networks
import Tensors
import Testing

@Suite("Networks as vectors of parameters")
struct FlatParameterTests {
    private let spec = NetworkSpec(sizes: [2, 4, 1])

    @Test("a vector is cut into w0, b0, w1, b1, each row by row, and comes back")
    func roundTrips() throws {
        let values = (0..<17).map { Float($0) }
        let network = try NetworkWeights(spec: spec, flat: values)
        #expect(network.layers.map(\.weight.shape) == [[4, 2], [1, 4]])
        #expect(network.layers[0].weight.values == Array(values[..<8]))
        #expect(network.layers[0].bias.values == Array(values[8..<12]))
        #expect(network.layers[1].weight.values == Array(values[12..<16]))
        #expect(network.flattened == values)
    }

    @Test("layers get the names that are given, or the spec's own")
    func names() throws {
        let values = [Float](repeating: 0, count: 17)
        let names = [LayerNames(weight: "w0", bias: "b0"), LayerNames(weight: "w1", bias: "b1")]
        #expect(try NetworkWeights(spec: spec, flat: values, names: names).stateDict.names == ["w0", "b0", "w1", "b1"])
        #expect(
            try NetworkWeights(spec: spec, flat: values).stateDict.names
                == ["net.0.linear.weight", "net.0.linear.bias", "net.1.weight", "net.1.bias"])
    }

    @Test("a vector of another length than the spec's is refused")
    func flatInitialiser() throws {
        let error = try #require(throws: NetworkError.self) {
            try NetworkWeights(spec: NetworkSpec(sizes: [2, 4, 1]), flat: [1, 2, 3])
        }
        #expect(error.detail == "expected 17 values (2-4-1: 12 + 5 parameters); received 3")
    }
}
