import Networks
import SIREN
import Tensors
import Testing

@testable import NetworkReading

@Suite("Networks that a model reads")
struct NetworkExpectationTests {
    private let fixed = NetworkExpectation(spec: NetworkSpec(sizes: [2, 32, 32, 1]))
    private let family = NetworkExpectation(spec: NetworkSpec(sizes: [2, 32, 32, 1]), hiddenWidths: .free(upTo: 64))

    private func example(_ sizes: [Int]) -> NetworkWeights {
        NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 1)
    }

    private func detail(_ expectation: NetworkExpectation, _ sizes: [Int]) -> String {
        expectation.mismatches(in: example(sizes)).map(\.detail).joined(separator: "; ")
    }

    @Test("fixed sizes accept only themselves; free hidden widths accept all up to the limit")
    func accepts() {
        #expect(example([2, 32, 32, 1]).matches(fixed))
        #expect(!example([2, 32, 31, 1]).matches(fixed))
        for sizes in [[2, 32, 32, 1], [2, 1, 64, 1], [2, 48, 7, 1]] { #expect(example(sizes).matches(family)) }
        #expect(!example([2, 32, 65, 1]).matches(family))
        #expect(fixed.summary == "2-32-32-1")
        #expect(family.summary == "2-*-*-1")
        #expect((family.depth, family.inputs, family.outputs) == (3, 2, 1))
    }

    @Test("another depth is one mismatch of the whole network")
    func otherDepth() {
        #expect(
            detail(family, [2, 32, 32, 32, 1])
                == "the model reads networks of 3 layers (2-*-*-1); received 4 layers (2-32-32-32-1)")
        #expect(
            detail(fixed, [2, 1]) == "the model reads networks of 3 layers (2-32-32-1); received 1 layer (2-1)")
    }

    @Test("a network of another kind and depth is named by its kind")
    func otherKind() {
        let convolutional = NetworkExpectation(
            spec: NetworkSpec(sizes: [1, 16, 16, 10], kernels: [[3, 3], [3, 3], []]))
        #expect(
            detail(convolutional, [2, 32, 1])
                == "the model reads convolutional networks of 3 layers (1-16-16-10); received a fully connected network of 2 layers (2-32-1)"
        )
        let network = NetworkWeights.example(
            spec: NetworkSpec(sizes: [1, 16, 16, 16, 10], kernels: [[3, 3], [3, 3], [3, 3], []]), seed: 1)
        #expect(
            fixed.mismatches(in: network).map(\.detail) == [
                "the model reads fully connected networks of 3 layers (2-32-32-1); received a convolutional network of 4 layers (1-16-16-16-10)"
            ])
    }

    @Test("another number of inputs or outputs is refused")
    func otherEnds() {
        #expect(
            detail(family, [3, 20, 20, 1])
                == "tensor 'net.0.linear.weight': expected [20, 2] (the model reads 2-*-*-1), received [20, 3]")
        #expect(
            detail(family, [2, 20, 20, 3])
                == "tensor 'net.2.weight': expected [1, 20] (the model reads 2-*-*-1), received [3, 20]; "
                + "tensor 'net.2.bias': expected [1] (the model reads 2-*-*-1), received [3]")
    }

    @Test("a hidden layer beyond the limit is refused")
    func tooWide() {
        #expect(
            detail(family, [2, 65, 20, 1])
                == "tensor 'net.0.linear.weight': expected at most 64 hidden neurons, received 65")
    }

    @Test("fixed sizes name every tensor that differs")
    func everyTensor() {
        #expect(
            fixed.mismatches(in: example([2, 64, 64, 1])).map(\.tensor) == [
                "net.0.linear.weight", "net.0.linear.bias", "net.1.linear.weight", "net.1.linear.bias", "net.2.weight",
            ])
    }

    @Test("a convolution where the model reads none is refused")
    func convolution() throws {
        let spec = NetworkSpec(sizes: [2, 32, 32, 1], kernels: [[3, 3], [], []])
        let error = try #require(throws: NetworkError.self) {
            try family.check(NetworkWeights.example(spec: spec, seed: 1))
        }
        #expect(
            error.detail
                == "tensor 'net.0.linear.weight': expected [32, 2] (the model reads 2-*-*-1), received [32, 2, 3, 3]")
        #expect(error.code == "shape_mismatch")
    }

    @Test("reading reports what the model does not accept")
    func reading() throws {
        let dict = torchDict([2, 16, 16, 1])
        #expect(try NetworkReading(dict, expecting: family).networks.count == 1)
        #expect(mismatches(dict, expecting: fixed).count == 5)
        #expect(mismatches(torchDict([2, 16, 1]), expecting: family).map(\.tensor) == [nil])
    }
}
