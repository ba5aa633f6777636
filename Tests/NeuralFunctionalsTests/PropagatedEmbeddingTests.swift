import Engine
import Models
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

@Suite struct PropagatedEmbeddingTests {
    @Test(
        "tokens are affine in their weight and in what forward and backward passes leave at its two neurons",
        arguments: SampleSpec.fullyConnected)
    func agreesWithLoops(_ sample: SampleSpec) {
        let (spec, channels, width) = (sample.spec, 3, 4)
        func make(_ parameters: ParameterScope) -> PropagatedEmbedding {
            PropagatedEmbedding(parameters, spec, channels: channels, width: width, start: .random(scale: 2))
        }
        let fresh = ParameterReader(drawing: 1)
        _ = make(fresh.root)
        let dictionary = fresh.dictionary.randomized(seed: 2)
        let values = FeatureValues(spec, batch: 2, channels: 1)
        let y = apply(make(ParameterReader(dictionary).root), to: values)
        for network in 0..<2 {
            let own = y.network(network)
            let expected = Self.reference(
                ReferenceParameters(dictionary: dictionary), values.network(network), channels: channels)
            for layer in spec.layers.indices {
                #expect(largestError(own.weights[layer].values, expected.weights[layer]) < 1e-5)
                #expect(largestError(own.biases[layer].values, expected.biases[layer]) < 1e-5)
            }
        }
    }

    @Test("an embedding that begins at places carries to the outputs what the network computes there")
    func beginsAtPlaces() throws {
        let spec = NetworkSpec(sizes: [2, 6, 5, 1])
        let scales = try #require(ArrayScales([30, 20, 10, 40, 5, 3], depth: spec.depth))
        let transform = InputTransform(omega0: 25, scales: scales)
        let network = NetworkWeights.example(spec: spec, seed: 4)
        let scaled = transform.scaled(network)
        let values = FeatureValues(
            spec, weights: scaled.layers.map { $0.weight.reshaped([1, 1] + $0.weight.shape) },
            biases: scaled.layers.map { $0.bias.reshaped([1, 1, $0.bias.count]) })
        let found = summarize(values) { x, builder in
            let embedding = PropagatedEmbedding(
                ParameterReader(drawing: 1).root, spec, channels: 3, width: 9,
                start: .places(phaseFactors: transform.phaseFactors(depth: spec.depth)))
            return embedding.embed(x, in: builder).outputs
        }
        let picture = try DrawnFunction(network, Notation(.nfn, omega0: 25)).picture(height: 3, width: 3)
        #expect(largestDifference(found, picture.values.map { Float(sine(Double($0))) }) < 1e-5)
        #expect((picture.values.max() ?? 0) - (picture.values.min() ?? 0) > 0.05)
    }

    @Test("a pool that reads outputs, or means of tokens, begins at its latents plus maps of them")
    func poolReadsFeatures() throws {
        let (latents, width) = (3, 6)
        let values = FeatureValues(NetworkSpec(sizes: [2, 4, 1]), batch: 1, channels: 4)
        let read: [(name: String, features: [Float])] = [
            ("outputs", (0..<5).map { Float($0) / 3 - 0.5 }), ("means", (0..<7).map { 0.7 - Float($0) / 4 }),
        ]
        func pool(_ parameters: ParameterScope, _ read: [[Float]?]) -> PerceiverPool {
            PerceiverPool(
                parameters, channels: 4, latents: latents, width: width, selfAttentionLayers: 1,
                outputs: read[0]?.count, means: read[1]?.count)
        }
        func pooled(_ parameters: StateDict, _ read: [[Float]?]) -> [Float] {
            summarize(values) { x, builder in
                let rows = read.map { $0.map { Matrix(rows: 1, columns: $0.count, values: $0) } }
                return pool(ParameterReader(parameters).root, read)(
                    x.flattened(in: builder), outputs: rows[0], means: rows[1], batch: 1, in: builder)
            }
        }
        for chosen in [[0], [1], [0, 1]] {
            let features = read.indices.map { chosen.contains($0) ? read[$0].features : nil }
            let fresh = ParameterReader(drawing: 3)
            _ = pool(fresh.root, features)
            var shifts = [Float](repeating: 0, count: latents * width)
            for index in chosen {
                let map = try #require(fresh.dictionary[read[index].name + ".weight"]).values
                let inputs = read[index].features
                for row in shifts.indices {
                    shifts[row] += zip(inputs, map[(row * inputs.count)...]).reduce(0) { $0 + $1.0 * $1.1 }
                }
            }
            let shifted = StateDict(
                fresh.dictionary.entries.filter { !["outputs.weight", "means.weight"].contains($0.name) }.map { entry in
                    guard entry.name == "latents" else { return entry }
                    let moved = zip(entry.tensor.values, shifts).map(+)
                    return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: moved))
                })
            let found = pooled(fresh.dictionary, features)
            #expect(largestDifference(found, pooled(shifted, [nil, nil])) < 1e-5)
            #expect(shifts.contains { abs($0) > 0.01 })
        }
    }

    /// Tokens of one network, channel-major as features read them.
    private static func reference(
        _ parameters: ReferenceParameters, _ network: FeatureValues, channels: Int
    ) -> (weights: [Vector], biases: [Vector]) {
        let layers = network.spec.layers
        let depth = layers.count
        func weight(_ layer: Int, _ output: Int, _ input: Int) -> Double {
            Double(network.weights[layer].values[output * layers[layer].inputs + input])
        }
        func bias(_ layer: Int, _ output: Int) -> Double { Double(network.biases[layer].values[output]) }
        func map(_ name: String, _ index: Int) -> ReferenceParameters { parameters.scope(name).scope(String(index)) }

        // Forward features, then backward ones, of the neurons before each layer and after the last.
        var forward: [[Vector]] = [[Vector](repeating: [], count: network.spec.inputs)]
        for layer in 0..<depth {
            forward.append(
                (0..<layers[layer].outputs).map { output in
                    let arriving =
                        layer == 0
                        ? (0..<layers[0].inputs).map { weight(0, output, $0) }
                        : forward[layer][0].indices.map { channel in
                            (0..<layers[layer].inputs).reduce(0.0) {
                                $0 + weight(layer, output, $1) * forward[layer][$1][channel]
                            }
                        }
                    return map("forward", layer).affine(arriving + [bias(layer, output)]).map(sine)
                })
        }
        var backward = forward.map { $0.map { _ in Vector() } }
        for layer in (1..<depth).reversed() {
            backward[layer] = (0..<layers[layer].inputs).map { input in
                let leaving =
                    layer == depth - 1
                    ? (0..<layers[layer].outputs).map { weight(layer, $0, input) }
                    : backward[layer + 1][0].indices.map { channel in
                        (0..<layers[layer].outputs).reduce(0.0) {
                            $0 + weight(layer, $1, input) * backward[layer + 1][$1][channel]
                        }
                    }
                return map("backward", layer).affine(leaving).map(sine)
            }
        }
        let neurons = zip(forward, backward).map { zip($0, $1).map { $0 + $1 } }

        func channelMajor(_ tokens: [Vector]) -> Vector { (0..<channels).flatMap { c in tokens.map { $0[c] } } }
        let weights = (0..<depth).map { layer in
            channelMajor(
                (0..<layers[layer].outputs).flatMap { output in
                    (0..<layers[layer].inputs).map { input in
                        map("weight_maps", layer).affine(
                            [weight(layer, output, input)] + neurons[layer][input] + neurons[layer + 1][output])
                    }
                })
        }
        let biases = (0..<depth).map { layer in
            channelMajor(
                (0..<layers[layer].outputs).map { output in
                    map("bias_maps", layer).affine([bias(layer, output)] + neurons[layer + 1][output])
                })
        }
        return (weights, biases)
    }
}
