import Networks
import Tensors
import Testing

@testable import NetworkReading

@Suite("Mismatches name tensor, expectation and cause")
struct NetworkErrorTests {
    @Test("a weight whose inputs differ from the outputs before it")
    func brokenChain() {
        let dict = torchDict([2, 32, 32, 1]).reshaping("net.2.weight", to: [1, 31])
        let message =
            "tensor 'net.2.weight': expected [1, 32] (32 inputs follow from 'net.1.linear.bias'), received [1, 31]"
        #expect(detail(dict) == message)
        #expect(mismatches(dict).map(\.code.rawValue) == ["shape_mismatch"])
        #expect(mismatches(dict).first?.expected == "[1, 32]")
        #expect(mismatches(dict).first?.received == "[1, 31]")
        let expectation = NetworkExpectation(spec: NetworkSpec(sizes: [2, 32, 32, 1]))
        #expect(detail(dict, expecting: expectation) == message)
    }

    @Test("a bias whose length differs from the outputs of its weight")
    func wrongBias() {
        let dict = torchDict([2, 8, 8, 1]).reshaping("net.0.linear.bias", to: [7])
        #expect(
            detail(dict)
                == "tensor 'net.0.linear.bias': expected [8] (8 outputs of 'net.0.linear.weight'), received [7]")
    }

    @Test("where two of three tensors agree on a width, the third is reported")
    func majority() {
        let dict = torchDict([2, 8, 8, 1]).reshaping("net.0.linear.weight", to: [6, 2])
        #expect(
            detail(dict)
                == "tensor 'net.0.linear.weight': expected [8, 2] (8 outputs follow from 'net.0.linear.bias'), "
                + "received [6, 2]")
    }

    @Test("all mismatches are collected, in layer order")
    func collectsAll() throws {
        var dict = torchDict([2, 8, 8, 1]).reshaping("net.2.weight", to: [1, 9])
            .reshaping("net.0.linear.bias", to: [2, 4]).removing("net.1.linear.bias")
        dict.set(NamedTensor(name: "running_mean", tensor: Tensor(zeros: [8])))
        let error = try #require(throws: NetworkError.self) { try NetworkWeights(dict) }
        #expect(error.code == "unexpected_tensor")
        #expect(
            error.mismatches.map { [$0.code.rawValue, $0.tensor ?? ""] } == [
                ["unexpected_tensor", "running_mean"], ["shape_mismatch", "net.0.linear.bias"],
                ["missing_tensor", "net.1.linear.bias"], ["shape_mismatch", "net.2.weight"],
            ])
        #expect(error.detail == error.mismatches.map(\.detail).joined(separator: "; "))
    }

    @Test(
        "a missing bias is reported under the name that it would have in the file",
        arguments: [
            ("net.%.linear.weight", "net.%.linear.bias", "net.1.linear.bias", "net.1.linear.weight"),
            ("weights.%", "biases.%", "biases.1", "weights.1"), ("W%", "b%", "b1", "W1"),
        ])
    func missingBias(weight: String, bias: String, missing: String, kept: String) {
        let dict = layeredDict(weight: weight, bias: bias).removing(missing)
        #expect(
            detail(dict) == "tensor '\(missing)': expected [3] (the bias of '\(kept)'), received nothing")
        #expect(mismatches(dict).map(\.code) == [.missingTensor])
    }

    @Test("a network without any biases misses one in every layer")
    func noBiases() {
        let dict = stateDict([("net.0.weight", [4, 2]), ("net.1.weight", [1, 4])])
        #expect(mismatches(dict).map(\.tensor) == ["net.0.bias", "net.1.bias"])
        let unnamed = stateDict([("arr_0", [4, 2]), ("arr_1", [1, 4])])
        #expect(
            detail(unnamed).hasPrefix("tensor 'bias of arr_0': expected [4] (the bias of 'arr_0'), received nothing"))
    }

    @Test("a bias without its weight")
    func missingWeight() {
        let dict = layeredDict(weight: "fc%.kernel", bias: "fc%.bias").removing("fc1.kernel")
        #expect(detail(dict) == "tensor 'fc1.kernel': expected a weight for 'fc1.bias', received nothing")
    }

    @Test("a tensor that belongs to no layer")
    func unexpectedTensor() {
        var dict = torchDict([2, 4, 1])
        dict.set(NamedTensor(name: "bn.running_var", tensor: Tensor(zeros: [4])))
        #expect(
            detail(dict)
                == "tensor 'bn.running_var': expected the weight or the bias of one layer, "
                + "received [4], which belongs to none")
    }

    @Test("a parameter of integers", arguments: [ElementType.int64, .uint8, .bool])
    func integers(type: ElementType) {
        var dict = torchDict([2, 4, 1])
        dict.set(NamedTensor(name: "net.1.bias", tensor: Tensor(zeros: [1]), elementType: type))
        #expect(mismatches(dict).map(\.code.rawValue) == ["dtype"])
        #expect(
            detail(dict)
                == "tensor 'net.1.bias': expected float16, bfloat16, float32 or float64, received \(type.rawValue)")
        let onlyIntegers = StateDict([NamedTensor(name: "arr_0", tensor: Tensor(zeros: [9]), elementType: type)])
        #expect(mismatches(onlyIntegers).map(\.code.rawValue) == ["dtype"])
    }

    @Test("an infinity or NaN is reported with its indices")
    func nonFinite() throws {
        var weight = Tensor(zeros: [4, 2])
        weight.values[5] = .nan
        var bias = Tensor(zeros: [1])
        bias.values[0] = -.infinity
        var dict = torchDict([2, 4, 1])
        dict.set(NamedTensor(name: "net.0.linear.weight", tensor: weight))
        dict.set(NamedTensor(name: "net.1.bias", tensor: bias))
        #expect(
            detail(dict)
                == "tensor 'net.0.linear.weight': expected finite numbers, received nan at [2, 1] (flat index 5); "
                + "tensor 'net.1.bias': expected finite numbers, received -inf at [0] (flat index 0)")
        #expect(mismatches(dict).allSatisfy { $0.code.rawValue == "non_finite" })
    }

    @Test(
        "shapes that no layer has",
        arguments: [[4], [4, 2, 3], [4, 2, 3, 3, 3], [0, 2], [2, 0]] as [[Int]])
    func impossibleShapes(shape: [Int]) {
        let dict = stateDict([("fc0.weight", shape), ("fc0.bias", [4]), ("fc1.weight", [1, 4]), ("fc1.bias", [1])])
        #expect(mismatches(dict).contains { $0.tensor == "fc0.weight" && $0.code == .shapeMismatch })
    }

    @Test("no tensors, and only scalars")
    func nothing() {
        #expect(detail(StateDict()) == "expected the weights and biases; received no tensors")
        let scalar = StateDict([NamedTensor(name: "label", tensor: Tensor(shape: [], values: [3]))])
        let expectation = NetworkExpectation(spec: NetworkSpec(sizes: [2, 4, 1]))
        #expect(
            detail(scalar, expecting: expectation)
                == "expected the weights and biases of a 2-4-1 network; received only scalars")
    }

    @Test("a very long name is cut short")
    func longName() {
        var dict = torchDict([2, 4, 1])
        dict.set(NamedTensor(name: String(repeating: "x", count: 5000), tensor: Tensor(zeros: [4])))
        #expect(detail(dict).count < 300)
    }
}
