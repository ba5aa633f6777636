import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import NetworkReading

@Suite("Weights written in the place of others")
struct PlacementTests {
    private static let options: NetworkSearchOptions = {
        var options = NetworkSearchOptions(readsAnyFunction: true)
        options.recordsPlacement = true
        return options
    }()
    private static let spec = NetworkSpec(sizes: [2, 4, 3, 1])
    private static let network = NetworkWeights.example(spec: spec, seed: 1)

    private static func names(_ weight: String, _ bias: String) -> FileTree {
        layeredDict(weight: weight, bias: bias).tree
    }

    /// The same network in the forms that libraries save.
    private static let trees: [(String, FileTree)] = [
        ("dotted keys", names("net.%.linear.weight", "net.%.linear.bias")),
        (
            "keys that share a part, in another order",
            layeredDict(weight: "a.%.weight", bias: "a.%.bias").shuffled(seed: 2).tree
        ),
        (
            "a wrapper beside other values",
            ["epoch": 3, "state_dict": names("%.weight", "%.bias"), "note": "x", "list": [1, "y"]]
        ),
        (
            "kernels of Flax",
            [
                "params": .dict(
                    (0..<3).map { index in
                        FileTree.Member(
                            key: "Dense_\(index)",
                            value: [
                                "kernel": .zeros([2, 4, 3][index], [4, 3, 1][index]), "bias": .zeros([4, 3, 1][index]),
                            ])
                    })
            ]
        ),
        (
            "lists",
            ["weights": [.zeros(4, 2), .zeros(3, 4), .zeros(1, 3)], "biases": [.zeros(4), .zeros(3), .zeros(1)]]
        ),
        ("a list of arrays", [.zeros(2, 4), .zeros(4), .zeros(4, 3), .zeros(3), .zeros(3, 1), .zeros(1)]),
        (
            "names in another order than layers",
            [
                "output.weight": .zeros(1, 3), "output.bias": .zeros(1), "input.weight": .zeros(4, 2),
                "input.bias": .zeros(4), "hidden.weight": .zeros(3, 4), "hidden.bias": .zeros(3),
            ]
        ),
    ]

    private func placed(_ tree: FileTree, _ options: NetworkSearchOptions = options) throws -> (
        FoundNetwork, NetworkPlacement
    ) {
        let network = try found(tree, options)
        return (network, try #require(network.placement))
    }

    /// The shapes and element types of the arrays, by path.
    private func form(_ tree: FileTree) -> [String] {
        tree.namedArrays.entries.map { "\($0.name) \($0.tensor.shape) \($0.elementType)" }
    }

    @Test("other weights are read back from the form of the file, and nothing else changes", arguments: 0..<7)
    func forms(_ index: Int) throws {
        let (name, tree) = Self.trees[index]
        let (_, placement) = try placed(tree)
        #expect(placement.tree == tree, "\(name)")
        let written = placement.alone(.init(Self.network))
        #expect(form(written) == form(tree), "\(name)")
        let again = try found(written).network()
        #expect(again.flattened == Self.network.flattened, "\(name)")
        if index == 2 {
            guard case .dict(let members) = written else { return }
            #expect(members.map(\.key) == ["epoch", "state_dict", "note", "list"])
            #expect(members[0].value == 3 && members[2].value == "x" && members[3].value == [1, "y"])
        }
    }

    @Test("wider networks take the place of others, in their order of axes")
    func wider() throws {
        let wide = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 9, 8, 1]), seed: 2)
        for (name, tree) in Self.trees {
            let again = try found(try placed(tree).1.alone(.init(wide))).network()
            #expect(again.flattened == wide.flattened, "\(name)")
        }
    }

    @Test("element types and shapes of vectors are kept")
    func types() throws {
        let tree: FileTree = [
            "0.weight": .zeros(8, type: .float16), "0.bias": .zeros(4, type: .float64), "1.weight": .zeros(4),
            "1.bias": .zeros(1, type: .bfloat16),
        ]
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 4, 1]), seed: 3)
        let written = try placed(tree).1.alone(.init(network))
        #expect(form(written) == form(tree))
        #expect(written.namedArrays["0.weight"]?.values == network.layers[0].weight.values)
    }

    @Test("a stack is written as a stack, and one of its networks by itself")
    func stack() throws {
        let tree: FileTree = [
            "0.weight": .zeros(2, 4, 2), "0.bias": .zeros(2, 4), "1.weight": .zeros(2, 1, 4), "1.bias": .zeros(2, 1),
        ]
        let networks = [1, 2].map { NetworkWeights.example(spec: NetworkSpec(sizes: [2, 4, 1]), seed: $0) }
        let (stack, placement) = try placed(tree)
        #expect(stack.isStack && placement.isStack)
        var written = placement.tree
        placement.write(networks.map { .init($0) }, into: &written)
        #expect(form(written) == form(tree))
        #expect(try found(written).weights.map { try $0.get().flattened } == networks.map(\.flattened))
        let alone = try found(placement.alone(.init(networks[1])))
        #expect(try !alone.isStack && alone.network().flattened == networks[1].flattened)
    }

    @Test(
        "one network of a stack is written with the numbers beside it, without the arrays that the stack has in common")
    func stackCompany() throws {
        let tree: FileTree = [
            "images": .zeros(2, 5, 5), "omega_0": 30, "note": "x",
            "net": [
                "0.weight": .zeros(2, 4, 2), "0.bias": .zeros(2, 4), "1.weight": .zeros(2, 1, 4),
                "1.bias": .zeros(2, 1),
            ],
        ]
        let (_, placement) = try placed(tree)
        #expect(placement.tree == tree)
        let own = placement.alone(.init(NetworkWeights.example(spec: NetworkSpec(sizes: [2, 4, 1]), seed: 1)))
        guard case .dict(let members) = own else { return }
        #expect(members.map(\.key) == ["omega_0", "note", "net"])
        #expect(own.namedArrays.names == ["net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"])
    }

    @Test("places in a file of many networks and numbers are found in linear time", .timeLimit(.minutes(1)))
    func manyNetworks() throws {
        let members = (0..<300).map { index in
            let numbers = (0..<200).map { FileTree.Member(key: "n\($0)", value: 1) }
            let network: FileTree = [
                "0.weight": .zeros(1, 2), "0.bias": .zeros(1), "1.weight": .zeros(1, 1), "1.bias": .zeros(1),
                "omega_0": 30, "more": .dict(numbers),
            ]
            return FileTree.Member(key: "net\(index)", value: network)
        }
        let entries = try NetworkSearch(.dict(members), Self.options).entries
        #expect(entries.count == 300)
        let last = try #require(try entries[299].result.get().placement)
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 1, 1]), seed: 1)
        let written = last.alone(.init(network, remarks: ["net299.omega_0": .number(1)]))
        guard case .dict(let own) = written else { return }
        #expect(own.first { $0.key == "omega_0" }?.value == 1)
    }

    @Test("what lies outside of the chosen member is shared, so that it is not written")
    func chosenMember() throws {
        let layers: FileTree = [
            "0.weight": .zeros(5, 8), "0.bias": .zeros(5), "1.weight": .zeros(1, 5), "1.bias": .zeros(1),
        ]
        let tree: FileTree = [
            "B": .zeros(4, 2), "omega_0": 30, "net_a": layers.adding(["w0": 30]), "net_b": layers,
        ]
        var options = Self.options
        options.member = "net_a"
        let (_, placement) = try placed(tree, options)
        #expect(!placement.hasFeatures)
        let outside = placement.obstacle(to: ["omega_0": .number(1), "net_a.w0": .number(1)])
        #expect(outside?.path == "omega_0" && outside?.why == .isShared)
        #expect(placement.obstacle(to: ["net_a.w0": .nothing]) == nil)
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [8, 5, 1]), seed: 1)
        let written = placement.alone(
            .init(network, matrix: [Float](repeating: 1, count: 8), remarks: ["omega_0": .number(1)]))
        #expect(written[[0]] == .zeros(4, 2) && written[[1]] == 30)
    }

    @Test("an array of one number cannot say nothing")
    func arrayRemark() throws {
        let tree = Self.names("%.weight", "%.bias").adding(["omega_0": .array([1], [30]), "w0": 30])
        let (_, placement) = try placed(tree)
        #expect(placement.obstacle(to: ["omega_0": .number(1), "w0": .nothing]) == nil)
        let obstacle = placement.obstacle(to: ["omega_0": .nothing])
        #expect(obstacle?.path == "omega_0" && obstacle?.why == .isArray)
    }

    @Test("arrays that cannot be read, and so not be given back, are named")
    func unreadable() throws {
        let tree = Self.names("%.weight", "%.bias").adding([
            "labels": ["names": .unreadable(FormatError(.dtype, "text"))], "other": 3,
        ])
        #expect(try placed(tree).1.unreadable == ["labels.names"])
    }

    @Test("several networks of a file are written in their places, each also by itself")
    func batch() throws {
        let trees: [FileTree] = [
            ["a": Self.names("%.weight", "%.bias"), "b": Self.names("%.weight", "%.bias"), "step": 4],
            Self.names("a1.%.weight", "a1.%.bias").adding(Self.names("a2.%.weight", "a2.%.bias")),
        ]
        let networks = [1, 2].map { NetworkWeights.example(spec: Self.spec, seed: $0) }
        for tree in trees {
            let entries = try NetworkSearch(tree, Self.options).entries
            let placements = try entries.map { try #require(try $0.result.get().placement) }
            var written = placements[0].tree
            #expect(written == tree)
            for (placement, network) in zip(placements, networks) { placement.write([.init(network)], into: &written) }
            #expect(form(written) == form(tree))
            let again = try NetworkSearch(written).entries.map { try $0.result.get().network().flattened }
            #expect(again == networks.map(\.flattened))
            let alone = placements[1].alone(.init(networks[1]))
            #expect(alone.namedArrays.count == 6 && alone.namedArrays.names.contains("0.weight"))
            #expect(try found(alone).network().flattened == networks[1].flattened)
        }
    }

    @Test("a vector of parameters stays one, in its order and shape")
    func flat() throws {
        let count = Self.spec.parameterCount
        for shape in [[count], [count, 1], [1, count]] {
            let tree = FileTree.array(shape, (0..<count).map { Float($0) })
            let network = try found(tree, Self.options, flatSpec: Self.spec)
            var written = try #require(network.placement).tree
            try #require(network.placement).write([.init(Self.network)], into: &written)
            #expect(written == .array(shape, Self.network.flattened))
        }
        let zoo = NetworkSpec(sizes: [1, 2, 3], kernels: [[3, 3], []])
        var options = Self.options
        options.layout = .cnnZoo
        let values = (0..<zoo.parameterCount).map { Float($0) }
        let network = try found(.array([values.count], values), options, flatSpec: zoo)
        let own = try network.network()
        #expect(try #require(network.placement).alone(.init(own)) == .array([values.count], values))
    }

    @Test("a reparametrised weight is replaced by the plain one, which is named")
    func reparametrized() throws {
        let tree: FileTree = [
            "net": [
                "0.weight_g": .array([4, 1], [1, 2, 3, 4]), "0.weight_v": .array([4, 2], (1...8).map { Float($0) }),
                "0.bias": .zeros(4), "1.weight": .zeros(1, 4), "1.bias": .zeros(1),
            ]
        ]
        let (_, placement) = try placed(tree)
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 4, 1]), seed: 3)
        let written = placement.alone(.init(network))
        #expect(written.namedArrays.names == ["net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"])
        #expect(try found(written).network().flattened == network.flattened)
        #expect(placement.replaced == ["0.weight"])
    }

    @Test("a matrix of Fourier features is written as the file has it, unless networks share it")
    func features() throws {
        let layers: FileTree = [
            "0.weight": .zeros(5, 8), "0.bias": .zeros(5), "1.weight": .zeros(1, 5), "1.bias": .zeros(1),
        ]
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [8, 5, 1]), seed: 1)
        let matrix = (0..<8).map { Float($0) }
        for shape in [[4, 2], [2, 4]] {
            let tree = layers.adding(["B": .array(shape, matrix)])
            let (found, placement) = try placed(tree)
            let own = try #require(found.context.fourierMatrix(inputs: 8))
            #expect(placement.hasFeatures)
            #expect(
                placement.alone(.init(network, matrix: own)).namedArrays["B"] == Tensor(shape: shape, values: matrix))
        }
        let shared: FileTree = ["a": layers, "b": layers, "B": .array([4, 2], matrix)]
        let entries = try NetworkSearch(shared, Self.options).entries
        #expect(entries.count == 2)
        #expect(try entries.allSatisfy { try $0.result.get().placement?.hasFeatures == false })
    }

    @Test("numbers and texts beside the layers can be corrected in their form")
    func remarks() throws {
        let tree = Self.names("%.weight", "%.bias").adding([
            "config": ["omega_0": 30, "convention": "nfn"], "omega": .array([1], [30]), "first_omega_0": 20,
        ])
        let written = try placed(tree).1.alone(
            .init(
                Self.network,
                remarks: [
                    "config.omega_0": .number(1), "config.convention": .text("dws"), "omega": .number(2),
                    "first_omega_0": .nothing,
                ]))
        guard case .dict(let members) = written else { return }
        let values = Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
        #expect(values["config"] == ["omega_0": 1, "convention": "dws"])
        #expect(values["omega"] == .array([1], [2]) && values["first_omega_0"] == .inert("None"))
    }

    @Test("a document's options are left out, and its elements are members of their own")
    func document() throws {
        var options = Self.options
        options.isDocument = true
        options.requestOptions = ["edits", "size"]
        let network = Self.names("%.weight", "%.bias")
        let said = network.adding(["omega0": 20, "edits": "invert"])
        #expect(try found(said, options).placement?.tree == network.adding(["omega0": 20]))
        let plain = try found(network.adding(["edits": "invert", "size": 4]), options)
        #expect(plain.placement?.tree == network)
        let list = try found(["inputs": [network], "edits": "invert"], options)
        #expect(list.placement?.alone(.init(try list.network())) == network)
    }

    @Test("places are recorded only where they are asked for")
    func unrecorded() throws {
        #expect(try found(Self.trees[0].1).placement == nil)
    }
}
