import Networks
import SIREN
import Tensors
import Testing
import Training

@Suite struct AugmentationTests {
    private let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 7, 6, 1]), seed: 3)

    private func augmentation(_ change: (inout Augmentation) -> Void) -> Augmentation {
        var result = Augmentation()
        change(&result)
        return result
    }

    private func picture(_ network: NetworkWeights) throws -> [Float] {
        try DrawnFunction(network, .nfn).picture(height: 9, width: 9).values
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? 0 }

    @Test("sign flips, half turns and permutations change the weights and not the picture")
    func symmetriesAreExact() throws {
        let own = try picture(network)
        for change in [
            { (x: inout Augmentation) in x.flipsSigns = true }, { $0.halfTurns = true }, { $0.permutes = true },
        ] {
            var random = RandomSource(seed: 1)
            let changed = augmentation(change)(network, &random)
            #expect(distance(changed.flattened, network.flattened) > 0.05)
            #expect(try distance(picture(changed), own) < 2e-3)
        }
    }

    @Test("a mirrored network draws the mirrored picture")
    func mirrors() throws {
        let own = try picture(network)
        let mirrored = (0..<81).map { (place: Int) -> Float in
            let (row, column) = (place / 9, place % 9)
            return own[9 * row + 8 - column]
        }
        let mirror = augmentation { $0.mirrors = true }
        var seen: Set<Bool> = []
        for seed in 0..<8 {
            var random = RandomSource(seed: UInt64(seed))
            let drawn = try picture(mirror(network, &random))
            let isMirrored = distance(drawn, mirrored) < 1e-4
            #expect(isMirrored || distance(drawn, own) < 1e-4)
            seen.insert(isMirrored)
        }
        #expect(seen.count == 2)
    }

    @Test("a shifted network draws what the other one draws beside it")
    func shifts() throws {
        var random = RandomSource(seed: 2)
        let moved = augmentation { $0.shift = 0.3 }(network, &random)
        var copy = RandomSource(seed: 2)
        let offset = (copy.uniform(in: -0.3...0.3), copy.uniform(in: -0.3...0.3))
        var expected = network
        for neuron in 0..<7 {
            let weight = network.layers[0].weight.values
            expected.layers[0].bias.values[neuron] += weight[2 * neuron] * offset.0 + weight[2 * neuron + 1] * offset.1
        }
        #expect(distance(moved.flattened, expected.flattened) < 1e-6)
        #expect(moved.layers[0].weight == network.layers[0].weight)
    }

    @Test("rotation and zoom keep the first layer's directions orthogonal")
    func rotates() {
        var random = RandomSource(seed: 4)
        let turned = augmentation {
            $0.rotation = 0.5
            $0.zoom = 0.2
        }(network, &random)
        let ratios = (0..<7).map { neuron in
            let (a, b) = (network.layers[0].weight.values, turned.layers[0].weight.values)
            func norm(_ w: [Float]) -> Float {
                (w[2 * neuron] * w[2 * neuron] + w[2 * neuron + 1] * w[2 * neuron + 1]).squareRoot()
            }
            return norm(b) / norm(a)
        }
        #expect(ratios.allSatisfy { abs($0 - ratios[0]) < 1e-4 } && abs(ratios[0] - 1) <= 0.2)
    }

    @Test("without any change the network stays as it is")
    func identity() {
        var random = RandomSource(seed: 5)
        #expect(Augmentation()(network, &random) == network)
    }

    @Test("a network of the dws convention is mirrored left to right too")
    func mirrorsByConvention() throws {
        let own = try network.converted(from: .nfn, to: .dws)
        let mirror = augmentation { $0.mirrors = true }.with(omega0: 30, convention: .dws)
        let picture = try DrawnFunction(own, .dws).picture(height: 9, width: 9).values
        let mirrored = (0..<81).map { (place: Int) -> Float in
            let (row, column) = (place / 9, place % 9)
            return picture[9 * row + 8 - column]
        }
        var seen: Set<Bool> = []
        for seed in 0..<8 {
            var random = RandomSource(seed: UInt64(seed))
            let drawn = try DrawnFunction(mirror(own, &random), .dws).picture(height: 9, width: 9).values
            let isMirrored = distance(drawn, mirrored) < 1e-4
            #expect(isMirrored || distance(drawn, picture) < 1e-4)
            seen.insert(isMirrored)
        }
        #expect(seen.count == 2)
    }
}
