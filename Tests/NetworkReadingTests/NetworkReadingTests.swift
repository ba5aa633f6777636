import Networks
import SIREN
import Tensors
import Testing

@testable import NetworkReading

@Suite("Named tensors become layers")
struct NetworkReadingTests {
    @Test(
        "weights and biases find each other by the common part of their names",
        arguments: [
            ("net.%.linear.weight", "net.%.linear.bias"), ("seq.%.weight", "seq.%.bias"),
            ("weights.%", "biases.%"), ("layers.%.w", "layers.%.b"), ("W%", "b%"), ("w_%", "b_%"),
            ("module.fc%.weight", "module.fc%.bias"), ("l%w", "l%b"), ("params/Dense_%/kernel", "params/Dense_%/bias"),
        ])
    func pairsByName(weight: String, bias: String) throws {
        let expected = layeredDict(weight: weight, bias: bias)
        let reading = try NetworkReading(expected.shuffled(seed: 3))
        #expect(reading.networks.map(\.stateDict) == [expected])
        #expect(reading.networks.first?.spec.summary == "2-4-3-1")
        #expect(!reading.isBatched && !reading.isFlat && !reading.isTransposed)
        #expect(reading.ignored.isEmpty)
    }

    @Test("the order of a file's entries does not matter", arguments: 1...6 as ClosedRange<UInt64>)
    func orderOfEntries(seed: UInt64) throws {
        let whole = torchDict([2, 5, 5, 4, 1])
        #expect(try NetworkWeights(whole.shuffled(seed: seed)).stateDict == whole)
    }

    @Test("layer numbers are compared as numbers: 10 comes after 2")
    func naturalOrder() throws {
        let sizes = [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1]
        let whole = layeredDict(weight: "net.%.weight", bias: "net.%.bias", sizes: sizes)
        #expect(try NetworkWeights(whole.shuffled(seed: 9)) == NetworkWeights(whole))
        #expect(try NetworkWeights(whole.shuffled(seed: 9)).layers.map(\.biasName) == (0..<12).map { "net.\($0).bias" })
    }

    @Test("layers whose names sort differently are ordered by shape")
    func chainOrder() throws {
        let dict = stateDict([
            ("hidden.weight", [5, 4]), ("hidden.bias", [5]), ("input.weight", [4, 2]), ("input.bias", [4]),
            ("output.weight", [1, 5]), ("output.bias", [1]),
        ])
        #expect(
            try NetworkWeights(dict).layers.map(\.weightName) == ["input.weight", "hidden.weight", "output.weight"])
    }

    @Test("layers of equal shape keep the order of their names where shapes decide the rest")
    func equalLayers() throws {
        let dict = stateDict([
            ("a.weight", [4, 4]), ("a.bias", [4]), ("b.weight", [4, 4]), ("b.bias", [4]),
            ("in.weight", [4, 2]), ("in.bias", [4]), ("z.weight", [1, 4]), ("z.bias", [1]),
        ])
        let names = try NetworkWeights(dict).layers.map(\.weightName)
        #expect(names == ["in.weight", "a.weight", "b.weight", "z.weight"])
    }

    @Test("a file whose layers fit together in two orders, neither that of the names, is refused")
    func ambiguousOrder() {
        // 2-3, 3-2, 2-4, 4-2 can be walked in two ways, and the names say neither.
        let dict = stateDict([
            ("a.weight", [3, 2]), ("a.bias", [3]), ("b.weight", [4, 2]), ("b.bias", [4]),
            ("c.weight", [2, 3]), ("c.bias", [2]), ("d.weight", [2, 4]), ("d.bias", [2]),
        ])
        #expect(mismatches(dict).allSatisfy { $0.code == .shapeMismatch })
        #expect(!mismatches(dict).isEmpty)
    }

    @Test("tensors whose names have no role are paired by rank, in order of names")
    func pairsByShape() throws {
        let dict = stateDict([
            ("arr_0", [4, 2]), ("arr_1", [4]), ("arr_2", [3, 4]), ("arr_3", [3]), ("arr_10", [1, 3]), ("arr_11", [1]),
        ])
        let network = try NetworkWeights(dict.shuffled(seed: 5))
        #expect(network.stateDict == dict)
        let stacked = stateDict([("arr_0", [6, 4, 2]), ("arr_1", [6, 4]), ("arr_2", [6, 1, 4]), ("arr_3", [6, 1])])
        #expect(try NetworkReading(stacked).networks.map(\.spec.summary) == Array(repeating: "2-4-1", count: 6))
    }

    @Test("names that tell nothing leave the order of the file, or nothing")
    func unnamedArrays() throws {
        let filed = stateDict([
            ("foo", [4, 2]), ("bar", [4]), ("baz", [4, 4]), ("qux", [4]), ("a", [1, 4]), ("b", [1]),
        ])
        #expect(try NetworkWeights(filed).layers.map(\.biasName) == ["bar", "qux", "b"])
        let sorted = StateDict(filed.entries.sorted { $0.name < $1.name })
        #expect(mismatches(sorted).map(\.tensor) == ["bar"])
    }

    @Test("convolutions have their kernel behind outputs and inputs")
    func convolution() throws {
        let dict = stateDict([
            ("conv.0.weight", [8, 1, 3, 5]), ("conv.0.bias", [8]), ("fc.weight", [10, 8]), ("fc.bias", [10]),
        ])
        let spec = try NetworkWeights(dict).spec
        #expect(
            spec.layers == [LayerShape(outputs: 8, inputs: 1, kernel: [3, 5]), LayerShape(outputs: 10, inputs: 8)])
    }

    @Test("weights of layout (in, out) are transposed")
    func transposed() throws {
        let dict = stateDict([
            ("Dense_0.kernel", [2, 3]), ("Dense_0.bias", [3]), ("Dense_1.kernel", [3, 1]), ("Dense_1.bias", [1]),
        ])
        let reading = try NetworkReading(dict)
        #expect(reading.isTransposed)
        let network = try #require(reading.networks.first)
        #expect(network.spec.summary == "2-3-1")
        #expect(network.layers[0].weight == Tensor(shape: [3, 2], values: [0, 3, 1, 4, 2, 5]))
        #expect(network.layers[1].weight == Tensor(shape: [1, 3], values: [9, 10, 11]))
    }

    @Test("a convolution of layout (height, width, in, out) is transposed with the rest")
    func transposedConvolution() throws {
        let dict = stateDict([
            ("Conv_0.kernel", [1, 2, 3, 2]), ("Conv_0.bias", [2]), ("Dense_0.kernel", [2, 4]), ("Dense_0.bias", [4]),
        ])
        let weight = try #require(try NetworkWeights(dict).layers.first?.weight)
        #expect(weight == Tensor(shape: [2, 3, 1, 2], values: [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]))
    }

    @Test(
        "square weights are taken as (out, in) unless their names are Flax's",
        arguments: [("layers.%.w", "layers.%.b", false), ("Dense_%.kernel", "Dense_%.bias", true)])
    func squareWeights(weight: String, bias: String, isTransposed: Bool) throws {
        let reading = try NetworkReading(layeredDict(weight: weight, bias: bias, sizes: [2, 2, 2]))
        #expect(reading.isTransposed == isTransposed)
        #expect(
            reading.networks.first?.layers.first?.weight.values == (isTransposed ? [0, 2, 1, 3] : [0, 1, 2, 3]))
    }

    @Test("tensors that are not parameters are ignored and listed")
    func ignoredEntries() throws {
        var dict = torchDict([2, 4, 1])
        let network = try NetworkWeights(dict)
        dict.set(NamedTensor(name: "label", tensor: Tensor(shape: [], values: [7]), elementType: .int64))
        dict.set(NamedTensor(name: "omega", tensor: Tensor(shape: [], values: [30])))
        dict.set(NamedTensor(name: "indices", tensor: Tensor(shape: [2], values: [1, 2]), elementType: .int32))
        let reading = try NetworkReading(dict)
        #expect(reading.ignored == ["indices", "label", "omega"])
        #expect(reading.networks == [network])
    }

    @Test("one-dimensional weights are reshaped by the length of their biases")
    func runs() throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 5, 4, 1]), seed: 3)
        let runs = StateDict(
            network.stateDict.entries.map { entry in
                NamedTensor(name: entry.name, tensor: entry.tensor.reshaped([entry.tensor.count]))
            })
        #expect(try NetworkWeights(runs).flattened == network.flattened)
        #expect(try NetworkWeights(runs).spec == network.spec)
    }
}
