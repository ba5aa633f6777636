import Networks
import Tensors
import Testing
import WeightFormats

@testable import NetworkReading

/// One CNN as PyTorch, Keras, Flax and the Small CNN Zoo save it.
@Suite struct ConvolutionalFileTests {
    private static let spec = NetworkSpec(sizes: [1, 4, 5, 3], kernels: [[3, 3], [3, 3], []])
    private let options = NetworkSearchOptions(
        expectation: NetworkExpectation(spec: Self.spec, hiddenWidths: .free(upTo: 64)))

    /// Weights near 1, biases near 0.05.
    private static let network: NetworkWeights = {
        var random = RandomSource(seed: 4)
        func tensor(_ shape: [Int], _ scale: Float) -> Tensor {
            Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in scale * random.normal() })
        }
        return NetworkWeights(
            layers: spec.layers.enumerated().map { index, layer in
                NetworkLayer(
                    weightName: "\(2 * index).weight", weight: tensor(layer.weightShape, 1),
                    biasName: "\(2 * index).bias", bias: tensor([layer.outputs], 0.05))
            })
    }()

    /// A kernel as TensorFlow has it, ([height, width,] inputs, outputs).
    private func kernel(_ layer: NetworkLayer) -> Tensor {
        let shape = layer.weight.shape
        let (outputs, inputs, positions) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
        var values: [Float] = []
        for position in 0..<positions {
            for input in 0..<inputs {
                for output in 0..<outputs {
                    values.append(layer.weight.values[(output * inputs + input) * positions + position])
                }
            }
        }
        return Tensor(shape: Array(shape.dropFirst(2)) + [inputs, outputs], values: values)
    }

    private func array(_ tensor: Tensor) -> FileTree { .array(tensor, .float32) }

    private func dict(_ members: [(String, FileTree)]) -> FileTree {
        .dict(members.map { FileTree.Member(key: $0.0, value: $0.1) })
    }

    private func found(_ tree: FileTree, _ options: NetworkSearchOptions? = nil) throws -> FoundNetwork {
        let search = try NetworkSearch(tree, options ?? self.options)
        #expect(search.entries.count == 1)
        return try search.entries[0].result.get()
    }

    private func values(_ network: FoundNetwork) throws -> [Float] { try network.weights[0].get().flattened }

    private var zooRow: [Float] { Self.network.layers.flatMap { $0.bias.values + kernel($0).values } }

    @Test("a state dict, get_weights() of Keras and parameters of Flax are the same network")
    func forms() throws {
        let layers = Self.network.layers
        let torch = dict(layers.flatMap { [($0.weightName, array($0.weight)), ($0.biasName, array($0.bias))] })
        let keras = FileTree.list(layers.flatMap { [array(kernel($0)), array($0.bias)] })
        let npz = dict(
            layers.flatMap { [array(kernel($0)), array($0.bias)] }.enumerated().map { ("arr_\($0)", $1) })
        let flax = dict([
            (
                "params",
                dict(
                    zip(["Conv_0", "Conv_1", "Dense_0"], layers).map { name, layer in
                        (name, dict([("bias", array(layer.bias)), ("kernel", array(kernel(layer)))]))
                    })
            )
        ])
        for tree in [torch, keras, npz, flax] { #expect(try values(found(tree)) == Self.network.flattened) }
    }

    @Test("a row of the zoo is read as said; without it the scales of its parts tell, for certain only in several rows")
    func zooRows() throws {
        let row = array(Tensor(shape: [zooRow.count], values: zooRow))
        let flat = array(Tensor(shape: [zooRow.count], values: Self.network.flattened))
        let rows = array(Tensor(shape: [4, zooRow.count], values: (0..<4).flatMap { _ in zooRow }))
        var said = options
        said.layout = .cnnZoo
        for (tree, options, layout, isConfident) in [
            (row, said, FlatLayout.cnnZoo, true), (row, options, .cnnZoo, false), (flat, options, .pytorch, false),
            (rows, options, .cnnZoo, true),
        ] {
            let network = try found(tree, options)
            #expect(try values(network) == Self.network.flattened)
            #expect(network.context.layout?.layout == layout)
            #expect(network.context.layout?.isConfident == isConfident)
        }
        #expect(Self.network.flattened(in: .cnnZoo) == zooRow)
        said.layout = .pytorch
        #expect(try values(found(row, said)) != Self.network.flattened)
    }

    @Test(
        "a vector of another length is refused, whether its order is said or not", arguments: [nil, FlatLayout.cnnZoo])
    func shortVectors(layout: FlatLayout?) throws {
        for shape in [[zooRow.count - 1], [2, zooRow.count + 1], [3]] {
            let tensor = Tensor(zeros: shape)
            let state = StateDict([NamedTensor(name: "weights", tensor: tensor)])
            let error = #expect(throws: NetworkError.self) {
                try NetworkReading(state, expecting: options.expectation, layout: layout)
            }
            #expect(error?.detail.contains("\(zooRow.count)") == true, "\(error?.detail ?? "")")
            var own = options
            own.layout = layout
            #expect(throws: (any Error).self) { try values(found(array(tensor), own)) }
        }
    }

    @Test("where biases and weights have one scale, the documented order is a default and not certain")
    func ambiguousRows() throws {
        var random = RandomSource(seed: 1)
        let vector = Tensor(shape: [zooRow.count], values: zooRow.map { _ in random.normal() })
        let reading = try #require(try found(array(vector)).context.layout)
        #expect(reading.layout == .pytorch && !reading.isConfident)
    }

    // MARK: Batch normalisation

    private let gamma: [Float] = [1, 2, 0.5, 1.5], beta: [Float] = [0, 0.1, 0.2, 0.3]
    private let mean: [Float] = [0.5, -0.5, 0.25, 0], variance: [Float] = [1, 4, 0.25, 2]

    /// The first layer's arrays after folding, computed by the formula.
    private func folded(epsilon: Double, hasBias: Bool = true) -> [Float] {
        let layer = Self.network.layers[0]
        let factors = zip(gamma, variance).map { Double($0) / (Double($1) + epsilon).squareRoot() }
        let weights = layer.weight.values.enumerated().map { Float(Double($1) * factors[$0 / 9]) }
        let biases = (0..<4).map { index in
            Float(
                factors[index] * (Double(hasBias ? layer.bias.values[index] : 0) - Double(mean[index]))
                    + Double(beta[index]))
        }
        return weights + biases
    }

    private func vector(_ values: [Float]) -> FileTree { array(Tensor(shape: [values.count], values: values)) }

    /// A `torch.nn.Sequential` of convolution, batch norm, …; members that are left out by their names.
    private func torch(without missing: Set<String> = [], at place: Int = 1) -> FileTree {
        let layers = Self.network.layers
        let norm = [
            ("\(place).weight", vector(gamma)), ("\(place).bias", vector(beta)),
            ("\(place).running_mean", vector(mean)), ("\(place).running_var", vector(variance)),
        ]
        let members =
            [("0.weight", array(layers[0].weight)), ("0.bias", array(layers[0].bias))] + norm
            + [
                ("4.weight", array(layers[1].weight)), ("4.bias", array(layers[1].bias)),
                ("8.weight", array(layers[2].weight)), ("8.bias", array(layers[2].bias)),
            ]
        return dict(members.filter { !missing.contains($0.0) })
    }

    private func check(_ network: FoundNetwork, _ expected: [Float], _ epsilon: String) throws {
        let flat = try values(network)
        #expect(Array(flat.prefix(40)) == expected)
        #expect(Array(flat.dropFirst(40)) == Array(Self.network.flattened.dropFirst(40)))
        #expect(network.context.folded.count == 1 && network.context.folded[0].contains("epsilon \(epsilon)"))
    }

    @Test("batch normalisation after a convolution is folded by its formula")
    func foldedNormalization() throws {
        try check(try found(torch()), folded(epsilon: 1e-5), "1e-05, the default of PyTorch")
        try check(
            try found(torch(without: ["0.bias"])), folded(epsilon: 1e-5, hasBias: false),
            "1e-05, the default of PyTorch")
        var said = options
        said.batchNormEpsilon = 1e-3
        try check(try found(torch(), said), folded(epsilon: 1e-3), "0.001, as requested")
        guard case .dict(let members) = torch() else { return }
        let written = FileTree.dict(members + [FileTree.Member(key: "bn_eps", value: .number(0.01))])
        try check(try found(written), folded(epsilon: 0.01), "0.01, bn_eps in the file")
    }

    @Test("so are the statistics of Flax, and the lists of Keras with its own epsilon")
    func foldedNormalizationOfOthers() throws {
        let layers = Self.network.layers
        var list = layers.flatMap { [array(kernel($0)), array($0.bias)] }
        list.insert(contentsOf: [gamma, beta, mean, variance].map(vector), at: 2)
        try check(try found(.list(list)), folded(epsilon: 1e-3), "0.001, the default of Keras")
        let flax = dict([
            ("batch_stats", dict([("BatchNorm_0", dict([("mean", vector(mean)), ("var", vector(variance))]))])),
            (
                "params",
                dict(
                    [("BatchNorm_0", dict([("bias", vector(beta)), ("scale", vector(gamma))]))]
                        + zip(["Conv_0", "Conv_1", "Dense_0"], layers).map { name, layer in
                            (name, dict([("bias", array(layer.bias)), ("kernel", array(kernel(layer)))]))
                        })
            ),
        ])
        try check(try found(flax), folded(epsilon: 1e-5), "1e-05, the default of PyTorch and Flax")
    }

    @Test(
        "without statistics, or behind an activation, it is refused and says why",
        arguments: [
            (["1.running_mean", "1.running_var"], 1, "expected running_mean and running_var beside it"),
            (["1.running_mean"], 1, "both the running mean and the running variance"),
            ([], 2, "behind an activation it cannot be folded"),
        ] as [(Set<String>, Int, String)])
    func refusedNormalization(missing: Set<String>, place: Int, reason: String) throws {
        let error = try #require(throws: NetworkFault.self) { try found(torch(without: missing, at: place)) }
        #expect(error.description.contains(reason), "\(error.description)")
    }
}
