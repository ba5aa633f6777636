import Networks
import Tensors
import Testing

@Suite struct CanonicalScaleTests {
    /// A CNN of 3 × 3 convolutions, global average pooling and a dense layer, with biases.
    private func network(_ seed: UInt64) -> NetworkWeights {
        let spec = NetworkSpec(sizes: [2, 4, 5, 3], kernels: [[3, 3], [3, 3], []])
        var random = RandomSource(seed: seed)
        return NetworkWeights(
            layers: spec.layers.enumerated().map { index, layer in
                func tensor(_ shape: [Int]) -> Tensor {
                    Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in random.normal() })
                }
                return NetworkLayer(
                    weightName: "\(index).weight", weight: tensor(layer.weightShape), biasName: "\(index).bias",
                    bias: tensor([layer.outputs]))
            })
    }

    /// The logits of a picture (channels, side, side), in float64.
    private func logits(_ network: NetworkWeights, _ picture: [Double], side: Int) -> [Double] {
        var (pixels, channels, side) = (picture, network.spec.inputs, side)
        for layer in network.layers.dropLast() {
            let outputs = layer.bias.count
            let next = side - 2
            var result = [Double](repeating: 0, count: outputs * next * next)
            for output in 0..<outputs {
                for row in 0..<next {
                    for column in 0..<next {
                        var sum = Double(layer.bias.values[output])
                        for input in 0..<channels {
                            for y in 0..<3 {
                                for x in 0..<3 {
                                    let weight = layer.weight.values[((output * channels + input) * 3 + y) * 3 + x]
                                    sum += Double(weight) * pixels[(input * side + row + y) * side + column + x]
                                }
                            }
                        }
                        result[(output * next + row) * next + column] = max(sum, 0)
                    }
                }
            }
            (pixels, channels, side) = (result, outputs, next)
        }
        let area = side * side
        let means = (0..<channels).map { channel in
            pixels[channel * area..<(channel + 1) * area].reduce(0, +) / Double(area)
        }
        guard let dense = network.layers.last else { return [] }
        return (0..<dense.bias.count).map { output in
            means.enumerated().reduce(Double(dense.bias.values[output])) { sum, mean in
                sum + Double(dense.weight.values[output * channels + mean.offset]) * mean.element
            }
        }
    }

    /// The same function with hidden channels multiplied by random factors from 0.15 to 10.
    private func rescaled(_ network: NetworkWeights, seed: UInt64) -> NetworkWeights {
        var random = RandomSource(seed: seed)
        var result = network
        for index in network.layers.indices.dropLast() {
            let outputs = network.layers[index].bias.count
            let fanIn = network.layers[index].weight.count / outputs
            let factors = (0..<outputs).map { _ in
                Double(sign: .plus, exponent: Int(3 * random.uniform(in: -1...1)), significand: 1.25)
            }
            for output in 0..<outputs {
                for place in output * fanIn..<(output + 1) * fanIn {
                    result.layers[index].weight.values[place] *= Float(factors[output])
                }
                result.layers[index].bias.values[output] *= Float(factors[output])
            }
            result.layers[index + 1].scaleInputs(factors.map { 1 / $0 })
        }
        return result
    }

    private func largestDifference(_ a: NetworkWeights, _ b: NetworkWeights) -> Float {
        zip(a.flattened, b.flattened).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test("the function stays the same on random pictures", arguments: [1, 2, 3] as [UInt64])
    func sameFunction(seed: UInt64) {
        let original = network(seed)
        let canonical = CanonicalScale()(original)
        #expect(canonical != original)
        var random = RandomSource(seed: seed + 100)
        for _ in 0..<4 {
            let picture = (0..<2 * 8 * 8).map { _ in Double(random.normal()) }
            let (a, b) = (logits(original, picture, side: 8), logits(canonical, picture, side: 8))
            let agree = zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($0)) }
            #expect(agree, "\(a) \(b)")
        }
    }

    @Test("every hidden channel has the norm 1")
    func norms() {
        for layer in CanonicalScale()(network(4)).layers.dropLast() {
            let fanIn = layer.weight.count / layer.bias.count
            for output in 0..<layer.bias.count {
                let incoming = layer.weight.values[output * fanIn..<(output + 1) * fanIn] + [layer.bias.values[output]]
                let norm = incoming.reduce(0) { $0 + $1 * $1 }
                #expect(abs(norm - 1) < 1e-5)
            }
        }
    }

    @Test("networks that differ only in positive scales have the same form", arguments: [5, 6, 7] as [UInt64])
    func invariance(seed: UInt64) {
        let original = network(seed)
        let other = rescaled(original, seed: seed)
        #expect(largestDifference(original, other) > 0.5)
        #expect(largestDifference(CanonicalScale()(original), CanonicalScale()(other)) < 1e-3)
        let twice = CanonicalScale()(CanonicalScale()(original))
        #expect(largestDifference(twice, CanonicalScale()(original)) < 1e-4)
    }

    @Test("the form of a permuted network is the permuted form")
    func equivariance() throws {
        let original = network(8)
        let order = [2, 0, 3, 1]
        let permuted = try #require(original.permutingHidden(layer: 0, by: order))
        let expected = try #require(CanonicalScale()(original).permutingHidden(layer: 0, by: order))
        #expect(largestDifference(CanonicalScale()(permuted), expected) < 1e-6)
    }

    @Test("dead channels stay as they are, and numbers that would overflow keep the network")
    func edges() {
        var dead = network(9)
        for place in 0..<18 { dead.layers[0].weight.values[place] = 0 }
        dead.layers[0].bias.values[0] = 0
        #expect(!CanonicalScale()(dead).flattened.contains { !$0.isFinite })
        #expect(CanonicalScale()(dead).layers[0].bias.values[0] == 0)
        var huge = network(9)
        huge.layers[0].bias.values[0] = 1e38
        huge.layers[1].weight.values[0] = 1e38
        #expect(!CanonicalScale()(huge).flattened.contains { !$0.isFinite })
    }
}
