import Networks
import NeuralFunctionals
import Tensors
import Testing

@Suite struct NFTBlockTests {
    @Test(
        "a block without attention adds contract(gelu(expand)), or contract(value ⊙ gelu(gate)) where gated",
        arguments: [[2], [1, 3, 2, 1]])
    func feedForwardAgreesWithLoops(expansions: [Int]) {
        let (spec, channels) = (NetworkSpec(sizes: [2, 3, 1]), 4)
        let values = FeatureValues(spec, batch: 1, channels: channels)
        for activation in NFTBlock.FeedForwardActivation.allCases {
            func make(_ parameters: ParameterScope) -> NFTBlock {
                NFTBlock(parameters, spec, channels: channels, heads: 2, expansions: expansions, activation: activation)
            }
            let fresh = ParameterReader(drawing: 1)
            _ = make(fresh.root)
            // Values of zero: attention has no result.
            let dictionary = StateDict(
                fresh.dictionary.randomized(seed: 2).entries.map { entry in
                    guard entry.name.hasPrefix("attn.") else { return entry }
                    let zeros = entry.tensor.values.map { _ in Float(0) }
                    return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: zeros))
                })
            let parameters = ReferenceParameters(dictionary: dictionary)
            let y = apply(make(ParameterReader(dictionary).root), to: values)
            for layer in spec.layers.indices {
                for (kind, x, own) in [
                    ("w", values.weights[layer], y.weights[layer]), ("v", values.biases[layer], y.biases[layer]),
                ] {
                    let maps = "\(kind == "w" ? "weight" : "bias")_maps"
                    let expected = Self.tokens(x, channels).map { token in
                        Self.feedForward(
                            token, parameters.scope("ln2").scope("\(kind)_norms").scope(String(layer)),
                            parameters.scope("ff").scope("0").scope(maps).scope(String(layer)),
                            parameters.scope("ff").scope("2").scope(maps).scope(String(layer)), activation)
                    }
                    #expect(
                        largestError(
                            Self.tokens(own, channels).flatMap { $0.map { Float($0) } }, expected.flatMap { $0 }) < 1e-5
                    )
                }
            }
        }
    }

    /// The tokens of an array whose second axis has the channels.
    private static func tokens(_ array: Tensor, _ channels: Int) -> [Vector] {
        let count = array.values.count / channels
        return (0..<count).map { token in (0..<channels).map { Double(array.values[$0 * count + token]) } }
    }

    private static func feedForward(
        _ x: Vector, _ norm: ReferenceParameters, _ expand: ReferenceParameters, _ contract: ReferenceParameters,
        _ activation: NFTBlock.FeedForwardActivation
    ) -> Vector {
        let hidden = expand.affine(norm.simpleLayerNorm(x))
        let half = hidden.count / 2
        let active =
            switch activation {
            case .gelu: hidden.map(gelu)
            case .geglu: (0..<half).map { hidden[$0] * gelu(hidden[half + $0]) }
            }
        return zip(x, contract.affine(active)).map { $0 + $1 }
    }
}
