import Engine
import Foundation
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import ModelStore

/// Layers of the `nfn` package in an `nn.Sequential`.
@Suite struct SequentialTests {
    private static let input =
        #"{"sizes": [2, 6, 6, 1], "omega0": 30, "convention": "nfn", "canonicalize": false, "array_scales": null}"#
    private static let cnnInput =
        #"{"family": "cnn", "sizes": [1, 3, 4, 2], "filters": [[3, 3], [3, 3], null], "canonical_scale": false, "array_scales": null}"#

    /// As the package's README builds it, with every member.
    private static let readme =
        #"[{"type": "NPLinear", "in_channels": 1, "out_channels": 4, "io_embed": true}, {"type": "TupleOp", "op": "ReLU"}, {"type": "NPLinear", "in_channels": 4, "out_channels": 5, "io_embed": true}, {"type": "TupleOp", "op": "ReLU"}, {"type": "HNPPool"}, {"type": "Flatten", "start_dim": -2}, {"type": "Linear", "in_features": 35, "out_features": 2, "bias": true}]"#
    /// The same with what the shapes of the parameters do not reveal alone.
    private static let shortReadme =
        #"[{"type": "NPLinear"}, {"type": "TupleOp", "op": "ReLU"}, {"type": "NPLinear"}, {"type": "TupleOp", "op": "ReLU"}, {"type": "HNPPool"}, {"type": "Flatten"}, {"type": "Linear"}]"#

    private func sample(
        _ layers: String, labels: [String] = [], input: String = Self.input, _ parameters: StateDict
    ) -> SampleModel {
        SampleModel(
            #"{"name": "chain", "labels": \#(labels), "input": \#(input), "model": {"type": "Sequential", "file": "network.safetensors", "layers": \#(layers)}}"#,
            ["network.safetensors": parameters])
    }

    private func drawn(_ layers: String, _ spec: NetworkSpec = SampleModel.pictureSpec) throws -> StateDict {
        try SampleModel.parameters {
            let settings = try Settings(json: Array(#"{"layers": \#(layers)}"#.utf8))
            _ = try Sequential($0, settings.objects("layers", count: 1...99), spec: spec)
        }
    }

    private func answer(_ sample: SampleModel, _ output: Output, _ network: NetworkWeights) throws -> [Float] {
        let model = try sample.load()
        return try model.run(output, [try model.prepare(network).content], WorkerPool(threads: 1))[0].values
    }

    @Test("the layers of an InvariantNFN as a chain give the same bits")
    func equalsInvariantNFN() throws {
        let invariant = try SampleModel.invariantClassifier()
        let parameters = try WeightFile.read(try #require(invariant.files["network.safetensors"])).stateDict()
        // The encoder's four layers are followed by those of the head.
        let chain = sample(
            #"[{"type": "GaussianFourierFeatureTransform"}, {"type": "NPLinear"}, {"type": "SimpleLayerNorm"}, {"type": "TupleOp", "op": "ReLU"}, {"type": "NPPool"}, {"type": "Flatten"}, {"type": "Linear"}, {"type": "ReLU"}, {"type": "Linear"}, {"type": "ReLU"}, {"type": "Linear"}]"#,
            labels: ["a", "b", "c"],
            parameters.renaming { name in
                let parts = name.split(separator: ".")
                if parts[0] == "nfnet_features" { return parts.dropFirst().joined(separator: ".") }
                return "\(4 + (Int(parts[2]) ?? 0)).\(parts[3])"
            })
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 5)
        let expected = try answer(invariant, .classes, network)
        #expect(expected.count == 3)
        #expect(bits([try answer(chain, .classes, network)]) == bits([expected]))
    }

    @Test("without labels it answers scalars, and channels and widths may be left out")
    func membersAreInferred() throws {
        let parameters = try drawn(Self.readme)
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 5)
        let whole = sample(Self.readme, parameters)
        #expect(try whole.load().outputs == [OutputDescription(.scalars, [2])])
        let expected = try answer(whole, .scalars, network)
        #expect(try answer(sample(Self.shortReadme, parameters), .scalars, network) == expected)
        let classifier = sample(Self.shortReadme, labels: ["no", "yes"], parameters)
        #expect(try answer(classifier, .classes, network) == expected)
        #expect(try #require(sample(Self.readme, labels: ["a"], parameters).refusal).contains("1 labels for 2 classes"))
    }

    @Test("an activation before all other layers leaves the weights as they are for the next answer")
    func inputIsKept() throws {
        let layers =
            #"[{"type": "TupleOp", "op": "ReLU"}, {"type": "NPPool"}, {"type": "Flatten"}, {"type": "Linear", "out_features": 6, "bias": false}]"#
        var identity = Tensor(zeros: [6, 6])
        for index in 0..<6 { identity.values[7 * index] = 1 }
        let parameters = StateDict([NamedTensor(name: "3.weight", tensor: identity)])
        let model = try sample(layers, parameters).load()
        let network = NetworkWeights.example(spec: SampleModel.pictureSpec, seed: 5)
        let means = network.layers.flatMap { layer in
            [layer.weight.values, layer.bias.values].map { values in
                values.reduce(0) { $0 + max($1, 0) } / Float(values.count)
            }
        }
        let content = try model.prepare(network).content
        for _ in 0..<2 {
            let values = try model.run(.scalars, [content], WorkerPool(threads: 1))[0].values
            #expect(largestDifference(values, means) < 1e-6)
        }
    }

    private static let residual =
        #"[{"type": "HNPLinear", "in_channels": 1, "out_channels": 4}, {"type": "TupleOp", "op": "GELU"}, {"type": "ResBlock", "base_layer": {"type": "NPLinear", "in_channels": 4, "out_channels": 4}, "activation": {"type": "TupleOp", "op": "ReLU"}, "norm": {"type": "SimpleLayerNorm"}}, {"type": "NPAttention", "num_heads": 2, "share_projections": false}, {"type": "HNPPool"}, {"type": "Flatten"}, {"type": "Linear", "out_features": 3}]"#

    @Test("the answer does not depend on the order of hidden neurons, and does on their weights")
    func permutations() throws {
        for (spec, input) in [(SampleModel.pictureSpec, Self.input), (SampleModel.convolutional, Self.cnnInput)] {
            let chain = sample(Self.residual, input: input, try drawn(Self.residual, spec))
            let network = NetworkWeights.example(spec: spec, seed: 5)
            let expected = try answer(chain, .scalars, network)
            for layer in 0..<spec.depth - 1 {
                let order = Array((0..<spec.layers[layer].outputs).reversed())
                let permuted = try #require(network.permutingHidden(layer: layer, by: order))
                #expect(permuted.flattened != network.flattened)
                #expect(largestDifference(try answer(chain, .scalars, permuted), expected) < 1e-5)
            }
            let other = NetworkWeights.example(spec: spec, seed: 6)
            #expect(largestDifference(try answer(chain, .scalars, other), expected) > 1e-3)
        }
    }

    @Test(
        "a layer that is unknown, out of its place or unlike the file is refused with its index",
        arguments: [
            (#""type": "NPLinear", "in_channels": 1"#, #""type": "NPLiner""#, "did you mean 'NPLinear'?"),
            (
                #""type": "NPLinear", "in_channels": 1"#, #""type": "Conv2d""#,
                "'model.layers[0].type': expected NPLinear"
            ),
            (
                #""out_channels": 4"#, #""out_channel": 4"#,
                "'model.layers[0].out_channel'; did you mean 'out_channels'?"
            ),
            (
                #""op": "ReLU"}, {"type": "HNPPool"#, #""op": "relu"}, {"type": "HNPPool"#,
                "'model.layers[3].op': expected"
            ),
            (
                #""in_channels": 4"#, #""in_channels": 5"#,
                "model.layers[2] (NPLinear): expected 5 channels (in_channels), received 4 from model.layers[1] (TupleOp); list the layers of the nn.Sequential in order, none left out; model.layers[2].in_channels is 5, the file has 4"
            ),
            (
                #""out_channels": 4"#, #""out_channels": 3"#,
                "model.layers[2] (NPLinear): expected 4 channels (in_channels), received 3 from model.layers[1] (TupleOp)"
            ),
            (#""out_channels": 4"#, #""out_channels": 3"#, "model.layers[0].out_channels is 3, the file has 4"),
            (
                #""type": "NPLinear", "in_channels": 1, "out_channels": 4, "io_embed": true"#, #""type": "HNPLinear""#,
                "likely cause: model.layers[0].type is 'HNPLinear', the file has 'NPLinear'"
            ),
            (
                #"{"type": "Flatten", "start_dim": -2}, "#, "",
                "model.layers[5] (Linear): expected a vector, received an array of 5 × 7 from model.layers[4] (HNPPool); put Flatten before it"
            ),
            (
                #"{"type": "HNPPool"}, "#, "",
                "model.layers[4] (Flatten): expected the result of a pool, received features of 5 channels"
            ),
            (
                #"{"type": "HNPPool"}"#, #"{"type": "ReLU"}"#,
                #"model.layers[4] (ReLU): expected a vector or the result of a pool, received features of 5 channels from model.layers[3] (TupleOp); write {"type": "TupleOp", "op": "ReLU"}"#
            ),
            (
                #"{"type": "Flatten", "start_dim": -2}"#, #"{"type": "SimpleLayerNorm"}"#,
                "model.layers[5] (SimpleLayerNorm): expected features of the network, received an array of 5 × 7"
            ),
            (#""start_dim": -2"#, #""start_dim": 0"#, "'model.layers[5].start_dim': expected 1 or -2"),
            (
                #""in_features": 35"#, #""in_features": 30"#,
                "(Linear): expected 30 elements (in_features), received 35 from model.layers[5] (Flatten)"
            ),
            (
                #"{"type": "TupleOp", "op": "ReLU"}, {"type": "HNPPool"}"#,
                #"{"type": "NPAttention"}, {"type": "HNPPool"}"#, "'model.layers[3].num_heads': is missing"
            ),
            (
                #", {"type": "Linear", "in_features": 35, "out_features": 2, "bias": true}"#, "",
                "unexpected parameter '6."
            ),
            (
                #", {"type": "Flatten", "start_dim": -2}, {"type": "Linear", "in_features": 35, "out_features": 2, "bias": true}"#,
                "", "model.layers[4] (HNPPool) is the last layer: expected a vector of classes or scalars"
            ),
            (#"[{"type": "NPLinear""#, #"[7, {"type": "NPLinear""#, "'model.layers[0]': expected a JSON object"),
            (#""layers": ["#, #""layer": ["#, "unknown member 'model.layer'; did you mean 'layers'?"),
        ])
    func refusals(text: String, replacement: String, reason: String) throws {
        let whole = sample(Self.readme, try drawn(Self.readme))
        let damaged = whole.replacing(text, with: replacement)
        #expect(damaged.configuration != whole.configuration)
        let refusal = try #require(damaged.refusal)
        #expect(refusal.contains(reason), "\(refusal)")
    }

    @Test("layers for fully connected or deeper networks are refused for others, with one that reads them")
    func unreadableNetworks() throws {
        let parameters = StateDict([NamedTensor(name: "3.weight", tensor: Tensor(zeros: [1, 2]))])
        func refusal(_ layer: String, _ input: String) throws -> String {
            let layers = #"[\#(layer), {"type": "NPPool"}, {"type": "Flatten"}, {"type": "Linear"}]"#
            return try #require(sample(layers, input: input, parameters).refusal)
        }
        let shallow = Self.input.replacing("[2, 6, 6, 1]", with: "[2, 1]")
        #expect(
            try refusal(#"{"type": "HNPLinear", "out_channels": 2}"#, shallow).contains("NPLinear reads those of one"))
        #expect(try refusal(#"{"type": "HNPPool"}"#, shallow).contains("NPPool reads those of one"))
        #expect(try refusal(#"{"type": "ParamLayerNorm"}"#, Self.cnnInput).contains("fully connected networks only"))
        #expect(
            try refusal(#"{"type": "NPAttention", "num_heads": 1, "share_projections": true}"#, Self.cnnInput)
                .contains(#"write "share_projections": false"#))
        #expect(try refusal(#"{"type": "NPAttention", "num_heads": 2}"#, Self.input).contains("do not divide into 2"))
    }
}
