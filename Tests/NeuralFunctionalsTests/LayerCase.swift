import Networks
import NeuralFunctionals
import Tensors
import Testing

/// An equivariant layer with random parameters, and what it is equivariant to.
struct LayerCase: Sendable, CustomTestStringConvertible {
    static let channels = 4

    let name: String
    /// Whether it also commutes with permutations of inputs and outputs.
    var treatsEndsAlike = false
    var readsKernels = true
    let make: @Sendable (ParameterScope, NetworkSpec) -> any WeightSpaceLayer

    var testDescription: String { name }

    /// With every parameter at random: those that begin at 0 or 1 would hide differences.
    func layer(_ spec: NetworkSpec, seed: UInt64 = 7) -> any WeightSpaceLayer {
        let fresh = ParameterReader(drawing: seed)
        _ = make(fresh.root, spec)
        var random = RandomSource(seed: seed)
        let entries = fresh.dictionary.entries.map { entry in
            let values = entry.tensor.values.map { _ in random.uniform(in: -0.4...0.4) }
            return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values))
        }
        return make(ParameterReader(StateDict(entries)).root, spec)
    }

    func specs() -> [SampleSpec] { readsKernels ? SampleSpec.all : SampleSpec.fullyConnected }

    static let all = linear + attention + norms + encodings

    private static let linear = [
        LayerCase(name: "Pointwise", treatsEndsAlike: true) {
            Pointwise($0, $1, inputs: channels, outputs: 3)
        },
        LayerCase(name: "NPLinear", treatsEndsAlike: true) {
            NPLinear($0, $1, inputs: channels, outputs: 3)
        },
        LayerCase(name: "NPLinear with embedded ends") {
            NPLinear($0, $1, inputs: channels, outputs: 3, embedsIO: true)
        },
        LayerCase(name: "HNPLinear") { HNPLinear($0, $1, inputs: channels, outputs: 3) },
        LayerCase(name: "LinearResidualBlock of NPLinear", treatsEndsAlike: true) {
            LinearResidualBlock($0, $1, channels: channels, isHiddenOnly: false)
        },
        LayerCase(name: "LinearResidualBlock of HNPLinear") {
            LinearResidualBlock($0, $1, channels: channels, isHiddenOnly: true)
        },
    ]

    private static let attention = [
        LayerCase(name: "NPAttention, shared projections", treatsEndsAlike: true, readsKernels: false) {
            NPAttention($0, $1, channels: channels, heads: 2, sharesProjections: true)
        },
        LayerCase(name: "NPAttention, a projection a layer", treatsEndsAlike: true) {
            NPAttention($0, $1, channels: channels, heads: 2, sharesProjections: false)
        },
        LayerCase(name: "NFTBlock", treatsEndsAlike: true, readsKernels: false) {
            NFTBlock($0, $1, channels: channels, heads: 2, expansions: [2])
        },
        LayerCase(name: "NFTBlock, a projection a layer", treatsEndsAlike: true) {
            NFTBlock($0, $1, channels: channels, heads: 1, expansions: [3], sharesProjections: false)
        },
        LayerCase(name: "NFTBlock, gated", treatsEndsAlike: true) {
            NFTBlock(
                $0, $1, channels: channels, heads: 2, expansions: [2], activation: .geglu, sharesProjections: false)
        },
    ]

    private static let norms = [
        LayerCase(name: "SimpleLayerNorm", treatsEndsAlike: true) { SimpleLayerNorm($0, $1, channels: channels) },
        LayerCase(name: "ParamLayerNorm", readsKernels: false) { ParamLayerNorm($0, $1, channels: channels) },
        LayerCase(name: "LearnedScale", treatsEndsAlike: true) { LearnedScale($0, $1) },
    ]

    private static let encodings = [
        LayerCase(name: "GaussianFourierFeatures", treatsEndsAlike: true) { parameters, _ in
            GaussianFourierFeatures(parameters, inputs: channels, count: 3)
        },
        LayerCase(name: "LearnedPosEmbedding") { LearnedPosEmbedding($0, $1, channels: channels) },
        LayerCase(name: "IOSinusoidalEncoding") { _, _ in
            IOSinusoidalEncoding(maximumFrequency: 10, bands: 3, encodesLayers: true)
        },
    ]
}
