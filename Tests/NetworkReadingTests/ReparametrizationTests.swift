import Networks
import Tensors
import Testing
import WeightFormats

@testable import NetworkReading

@Suite("Reparametrised weights are folded")
struct ReparametrizationTests {
    private let rest: FileTree = ["0.bias": .zeros(2), "1.weight": .zeros(1, 2), "1.bias": .zeros(1)]

    private func folded(_ parts: FileTree) throws -> Tensor {
        let network = try found(parts.adding(rest)).network()
        #expect(network.layers[0].weightName == "0.weight")
        return network.layers[0].weight
    }

    private let v = FileTree.array([2, 2], [3, 4, 0, 2])

    @Test("weight norm: each row is scaled to its size, under both forms of names")
    func weightNorm() throws {
        let g = FileTree.array([2, 1], [10, 3])
        let expected = Tensor(shape: [2, 2], values: [6, 8, 0, 3])
        #expect(try folded(["0.weight_g": g, "0.weight_v": v]) == expected)
        #expect(
            try folded([
                "0.parametrizations.weight.original0": g, "0.parametrizations.weight.original1": v,
            ]) == expected)
        #expect(try folded(["0": ["weight_g": g, "weight_v": v]]) == expected)
    }

    @Test("weight norm along the axis that the sizes' shape says, or over all elements")
    func otherAxes() throws {
        let columns = try folded(["0.weight_g": .array([1, 2], [6, 1]), "0.weight_v": .array([2, 2], [3, 3, 4, 4])])
        #expect(columns == Tensor(shape: [2, 2], values: [3.6, 0.6, 4.8, 0.8]))
        let all = try folded(["0.weight_g": .array([], [2]), "0.weight_v": .array([2, 2], [1, 1, 1, 1])])
        #expect(all.values == [1, 1, 1, 1])
    }

    @Test("spectral norm divides by uᵀWv, under both forms of names")
    func spectralNorm() throws {
        let w = FileTree.array([2, 2], [2, 4, 6, 8])
        let u = FileTree.array([2], [1, 0])
        let vector = FileTree.array([2], [0, 1])
        let expected = Tensor(shape: [2, 2], values: [0.5, 1, 1.5, 2])
        #expect(try folded(["0.weight_orig": w, "0.weight_u": u, "0.weight_v": vector]) == expected)
        #expect(
            try folded([
                "0.parametrizations.weight.original": w, "0.parametrizations.weight.0._u": u,
                "0.parametrizations.weight.0._v": vector,
            ]) == expected)
    }

    @Test("pruning multiplies by the mask", arguments: [ElementType.float32, .bool, .uint8])
    func pruning(type: ElementType) throws {
        let mask = FileTree.array(Tensor(shape: [2, 2], values: [1, 0, 0, 1]), type)
        #expect(try folded(["0.weight_orig": v, "0.weight_mask": mask]).values == [3, 0, 0, 2])
    }

    @Test("a missing part, a wrong shape and an unknown parametrisation are named")
    func faults() throws {
        func fault(_ parts: FileTree) -> String { faultText(parts.adding(rest)) ?? "" }
        #expect(fault(["0.weight_v": v]).contains("tensor '0.weight_g': expected the other part of '0.weight_v'"))
        #expect(
            fault(["0.weight_v": v, "0.weight_g": .zeros(3, 1)])
                .contains("tensor '0.weight_g': expected [2, 1] ('0.weight_v' has the shape [2, 2]), received [3, 1]"))
        let other = fault(["0.parametrizations.weight.original": v, "0.parametrizations.weight.0.base": .zeros(2, 2)])
        #expect(other.contains("'0.parametrizations.weight.0.base'") && other.contains("remove_parametrizations"))
        #expect(
            fault(["0.weight_orig": v, "0.weight_mask": .zeros(2, 3)]).contains(
                "tensor '0.weight_mask': expected [2, 2]"))
    }
}
