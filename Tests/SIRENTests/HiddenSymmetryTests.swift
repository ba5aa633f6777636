import Engine
import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Symmetries of hidden neurons")
struct HiddenSymmetryTests {
    /// Small weights, so that functions with any activation vary over the picture.
    private func network() -> NetworkWeights {
        var random = RandomSource(seed: 5)
        let sizes = [2, 6, 5, 1]
        let layers = sizes.indices.dropLast().map { index in
            let (inputs, outputs) = (sizes[index], sizes[index + 1])
            return NetworkLayer(
                weightName: "\(index).weight",
                weight: Tensor(
                    shape: [outputs, inputs], values: (0..<outputs * inputs).map { _ in random.uniform(in: -1...1) }),
                biasName: "\(index).bias",
                bias: Tensor(shape: [outputs], values: (0..<outputs).map { _ in random.uniform(in: -0.5...0.5) }))
        }
        return NetworkWeights(layers: layers)
    }

    @Test("every kind of an activation changes the weights and not the function", arguments: Nonlinearity.allCases)
    func functions(_ activation: Nonlinearity) throws {
        let notation = Notation(activation: activation, omega0: 2, hiddenOmega0: 1.5)
        let network = network()
        let picture = try DrawnFunction(network, notation).picture(height: 9, width: 9)
        let kinds = HiddenSymmetry.all(of: activation)
        #expect(kinds.first == .permutations)
        for kind in kinds {
            var random = RandomSource(seed: 1)
            let changed = kind.changing(network, factor: notation.factor(ofLayer:), &random)
            #expect(changed.layers[1] != network.layers[1], "\(kind)")
            let other = try DrawnFunction(changed, notation).picture(height: 9, width: 9)
            let difference = zip(picture.values, other.values).map { abs($0 - $1) }.max() ?? 1
            #expect(difference < 2e-6, "\(kind): \(difference)")
        }
    }

    @Test(
        "kinds that an activation does not have change its function", arguments: [HiddenSymmetry.signFlips, .halfTurns])
    func others(_ kind: HiddenSymmetry) throws {
        let notation = Notation(activation: .relu, omega0: 1)
        var random = RandomSource(seed: 1)
        let changed = kind.changing(network(), factor: notation.factor(ofLayer:), &random)
        let pictures = try [network(), changed].map { try DrawnFunction($0, notation).picture(height: 9, width: 9) }
        let difference = zip(pictures[0].values, pictures[1].values).map { abs($0 - $1) }.max() ?? 0
        #expect(difference > 0.01)
    }

    @Test(
        "the same state of the generator gives the same change, another one another", arguments: HiddenSymmetry.allCases
    )
    func seeds(_ kind: HiddenSymmetry) {
        func changed(_ seed: UInt64) -> NetworkWeights {
            var random = RandomSource(seed: seed)
            return kind.changing(network(), &random)
        }
        #expect(changed(3) == changed(3))
        #expect(changed(3) != changed(4))
    }
}
