import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import NetworkReading

@Suite("Networks are found wherever they are in a file")
struct NetworkSearchTests {
    private let state = torchDict([2, 5, 4, 1])
    private var network: NetworkWeights { get throws { try NetworkWeights(state) } }
    private let model = NetworkSearchOptions(
        expectation: NetworkExpectation(spec: NetworkSpec(sizes: [2, 5, 4, 1]), hiddenWidths: .free(upTo: 64)))

    @Test(
        "in any nesting of dicts, lists and tuples under any keys",
        arguments: [
            { $0 }, { ["generator": $0, "epoch": 7, "best_acc": 0.5] }, { ["0": $0] }, { [$0] },
            { ["a": ["b": ["c": [$0, "text"]]], "note": "x"] }, { ["weight": $0] }, { ["params": $0] },
            { ["model": ["state_dict": $0], "args": ["lr": 0.001, "layers": .array([2], [5, 4])]] },
            { ["net": $0, "losses": .zeros(50), "device": .inert("torch.device")] },
        ] as [@Sendable (FileTree) -> FileTree])
    func wrapped(_ wrap: @Sendable (FileTree) -> FileTree) throws {
        let tree = wrap(state.tree)
        #expect(try found(tree).network() == network)
        #expect(try found(tree, model).network() == network)
    }

    @Test(
        "without the prefixes that wrappers add to every name",
        arguments: ["module.", "_orig_mod.", "model.", "module._orig_mod.", "module.model."])
    func prefixes(prefix: String) throws {
        #expect(try found(["state_dict": state.tree.prefixed(prefix)]).network() == network)
        let flat = state.tree.prefixed(prefix).adding(["grid": .zeros(784, 2)])
        #expect(try found(flat).network() == network)
    }

    // MARK: Optimisers

    private var moments: FileTree {
        [
            "0": ["step": 4, "exp_avg": .zeros(5, 2), "exp_avg_sq": .zeros(5, 2)],
            "1": ["step": 4, "exp_avg": .zeros(5), "exp_avg_sq": .zeros(5)],
        ]
    }

    @Test("the state of an optimiser is no network, by its key, its structure or the names of its moments")
    func optimizers() throws {
        let states: [FileTree] = [
            ["optimizer_state_dict": state.tree],
            ["opt_state": ["0": ["count": 3, "mu": state.tree, "nu": state.tree]]],
            ["x": ["state": state.tree, "param_groups": [["lr": 0.1]]]], ["adam": ["m": state.tree, "v": state.tree]],
            ["y": ["momentum_buffer": state.tree]], ["velocity": state.tree],
            ["adam_m": state.tree, "adam_v": state.tree], ["grads": state.tree], ["z": ["exp_avg": state.tree]],
        ]
        for other in states {
            let tree = (["net": state.tree] as FileTree).adding(other)
            #expect(try found(tree, model).network() == network, "\(other)")
            let search = try NetworkSearch(tree)
            #expect(search.entries.count == 1 && !search.isBatch)
        }
        let tuple: FileTree = [state.tree, ["state": moments, "param_groups": [["lr": 0.001]]]]
        let search = try NetworkSearch(tuple, model)
        #expect(try search.entries[0].result.get().network() == network)
        #expect(search.ignored == ["1"] && search.entries.count == 1)
    }

    // MARK: Trees and lists

    @Test("nested dicts of kernels and biases are joined with dots and transposed")
    func flax() throws {
        let tree: FileTree = [
            "params": [
                "Dense_0": ["kernel": .array([2, 3], [0, 1, 2, 3, 4, 5]), "bias": .zeros(3)],
                "Dense_1": ["kernel": .zeros(3, 1), "bias": .zeros(1)],
            ]
        ]
        let network = try found(tree).network()
        #expect(network.layers[0].weightName == "Dense_0.kernel")
        #expect(network.layers[0].weight == Tensor(shape: [3, 2], values: [0, 3, 1, 4, 2, 5]))
        let haiku: FileTree = [
            "mlp/~/linear_0": ["w": .zeros(2, 3), "b": .zeros(3)],
            "mlp/~/linear_1": ["w": .zeros(3, 1), "b": .zeros(1)],
        ]
        #expect(try found(haiku).network().spec.summary == "2-3-1")
        #expect(try found(haiku).network().layers[1].biasName == "mlp/~/linear_1.b")
        let torch: FileTree = [
            "layer0": ["weight": .zeros(3, 2), "bias": .zeros(3)],
            "layer1": ["weight": .zeros(1, 3), "bias": .zeros(1)],
        ]
        #expect(try found(torch).network().spec.summary == "2-3-1")
    }

    @Test(
        "lists of arrays in the order of the layers",
        arguments: [
            [.zeros(5, 2), .zeros(5), .zeros(4, 5), .zeros(4), .zeros(1, 4), .zeros(1)],
            [[.zeros(5, 2), .zeros(5)], [.zeros(4, 5), .zeros(4)], [.zeros(1, 4), .zeros(1)]],
            ["weights": [.zeros(5, 2), .zeros(4, 5), .zeros(1, 4)], "biases": [.zeros(5), .zeros(4), .zeros(1)]],
            ["weights": [.zeros(5, 2), .zeros(5), .zeros(4, 5), .zeros(4), .zeros(1, 4), .zeros(1)], "epoch": 3],
            ["shadow_params": [.zeros(5, 2), .zeros(5), .zeros(4, 5), .zeros(4), .zeros(1, 4), .zeros(1)]],
            [
                "w.0": .zeros(5, 2), "w.1": .zeros(5), "w.2": .zeros(4, 5), "w.3": .zeros(4), "w.4": .zeros(1, 4),
                "w.5": .zeros(1),
            ],
            [
                ["weight": .zeros(5, 2), "bias": .zeros(5)], ["weight": .zeros(4, 5), "bias": .zeros(4)],
                ["weight": .zeros(1, 4), "bias": .zeros(1)],
            ],
        ] as [FileTree])
    func lists(tree: FileTree) throws {
        for isDocument in [false, true] {
            var options = model
            options.isDocument = isDocument
            let search = try NetworkSearch(tree, options)
            #expect(search.entries.count == 1 && !search.isBatch)
            #expect(try search.entries[0].result.get().network().spec.summary == "2-5-4-1")
        }
    }

    @Test("layers of equal width, which a document's lists hold as one array")
    func equalLayers() throws {
        let tree: FileTree = [
            "weights": .array([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), "biases": .array([2, 2], [1, 2, 3, 4]),
        ]
        var options = NetworkSearchOptions()
        options.isDocument = true
        let network = try found(tree, options).network()
        #expect(network.spec.summary == "2-2-2" && network.layers[1].bias.values == [3, 4])
        let ragged: FileTree = ["weights": [.zeros(1, 2), .zeros(1, 1)], "biases": .array([2, 1], [8, 9])]
        #expect(try found(ragged).network().layers.map(\.bias.values) == [[8], [9]])
    }

    // MARK: Flat arrays

    @Test(
        "a flat array with one long axis, alone or beside other members",
        arguments: [[44], [44, 1], [1, 44], [1, 1, 44]] as [[Int]])
    func flat(shape: [Int]) throws {
        let network = try network
        let array = FileTree.array(shape, network.flattened)
        #expect(network.spec.parameterCount == 44)
        for tree in [array, ["weights": array], ["theta": array, "psnr": .zeros(100), "note": "x"]] as [FileTree] {
            #expect(try found(tree, model).network() == network)
            #expect(try found(tree, flatSpec: network.spec).network() == network)
        }
    }

    @Test("a row of parameters for each network is a stack; columns are refused")
    func flatStack() throws {
        let networks = [1, 2, 3].map { NetworkWeights.example(spec: NetworkSpec(sizes: [2, 5, 4, 1]), seed: $0) }
        let stack = try found(["weights": .array([3, 44], networks.flatMap(\.flattened))], model)
        #expect(stack.isStack)
        #expect(try stack.weights.map { try $0.get() } == networks)
        #expect(
            faultText(["weights": .zeros(44, 3)], model)
                == "shape_mismatch: tensor 'weights': expected [44] or [batch, 44] (2-5-4-1: 15 + 24 + 5 parameters), "
                + "received [44, 3]")
    }

    // MARK: Company

    @Test("arrays that belong to no layer are passed over and listed")
    func company() throws {
        let tree = state.tree.adding([
            "grid": .zeros(784, 2), "psnr_history": .zeros(100), "loss_weight": .array([1], [2]),
            "ema.decay": .array([], [0.9]),
            "names": .unreadable(FormatError(.dtype, "text")), "indices": .zeros(5, type: .int64),
            "size": .array([2], [28, 28]), "coords": .zeros(5, 2), "losses": .zeros(5),
        ])
        let search = try NetworkSearch(tree, model)
        #expect(try search.entries[0].result.get().network() == network)
        #expect(
            search.ignored == [
                "grid", "psnr_history", "loss_weight", "ema.decay", "names", "indices", "size", "coords", "losses",
            ])
    }

    @Test("arrays without names of layers are told by their shapes")
    func companyByShape() throws {
        let tree: FileTree = [
            "arr_0": .zeros(784, 2), "arr_1": .zeros(5, 2), "arr_2": .zeros(5), "arr_3": .zeros(1, 5),
            "arr_4": .zeros(1),
            "arr_5": .zeros(100),
        ]
        #expect(try found(tree).network().layers.map(\.weightName) == ["arr_1", "arr_3"])
    }

    @Test(
        "arrays whose names tell nothing are paired in the order of the file, where each bias stands behind its weight")
    func unnamedInFileOrder() throws {
        let tree: FileTree = [
            "foo": .zeros(4, 2), "bar": .array([4], [1, 2, 3, 4]), "baz": .zeros(4, 4),
            "qux": .array([4], [5, 6, 7, 8]),
            "a": .zeros(1, 4), "b": .zeros(1),
        ]
        let layers = try found(tree).network().layers
        #expect(layers.map(\.weightName) == ["foo", "baz", "a"])
        #expect(layers.map(\.biasName) == ["bar", "qux", "b"])
        #expect(layers[0].bias.values == [1, 2, 3, 4])
    }

    @Test("names that differ alike in every layer pair arrays in any order of the file")
    func unnamedByLetters() throws {
        let tree: FileTree = [
            "kin": .zeros(4, 2), "khid": .zeros(4, 4), "kout": .zeros(1, 4),
            "cout": .zeros(1), "cin": .zeros(4), "chid": .zeros(4),
        ]
        let layers = try found(tree).network().layers
        #expect(layers.map(\.weightName) == ["kin", "khid", "kout"])
        #expect(layers.map(\.biasName) == ["cin", "chid", "cout"])
    }

    @Test("arrays are refused where neither names nor the file's order tell which bias belongs to which weight")
    func unnamedWithoutOrder() throws {
        let tree: FileTree = [
            "a": .zeros(1, 4), "b": .zeros(1), "bar": .zeros(4), "baz": .zeros(4, 4), "foo": .zeros(4, 2),
            "qux": .zeros(4),
        ]
        #expect(
            faultText(tree, NetworkSearchOptions())
                == "unexpected_tensor: tensor 'bar': expected a name that tells its layer, such as '0.bias' beside '0.weight', received shape [4], which fits 'baz' and 'foo', as does 'qux'"
        )
        // Shapes that allow one way only need no names.
        let told: FileTree = [
            "a": .zeros(1, 5), "b": .zeros(1), "baz": .zeros(5, 4), "bar": .zeros(5), "qux": .zeros(4),
            "foo": .zeros(4, 2),
        ]
        #expect(try found(told).network().layers.map(\.biasName) == ["qux", "bar", "b"])
    }

    @Test(
        "an array that may change the function is refused by name",
        arguments: ["bn.running_var", "gamma", "net.0.linear.scale"])
    func doubtful(name: String) throws {
        let array = FileTree.dict([FileTree.Member(key: name, value: .zeros(5))])
        let text = try #require(faultText(state.tree.adding(array), model))
        #expect(text.hasPrefix("unexpected_tensor: tensor '\(name)': expected the weight or the bias of one layer"))
        let norm: FileTree = ["norm.weight": .zeros(5), "norm.bias": .zeros(5)]
        #expect(faultText(state.tree.adding(norm), model)?.hasPrefix("unexpected_tensor: tensor 'norm.") == true)
        // Beside the network's own dict it is company.
        #expect(try found(["net": state.tree, "norm": array], model).network() == network)
    }

    @Test("a missing bias is told as before")
    func missing() throws {
        let tree: FileTree = ["model": state.removing("net.1.linear.bias").tree, "epoch": 3]
        for options in [model, NetworkSearchOptions()] {
            let text = try #require(faultText(tree, options))
            #expect(
                text.contains("tensor 'net.1.linear.bias': expected [4] (the bias of 'net.1.linear.weight')"), "\(text)"
            )
        }
        let last = try #require(faultText(state.removing("net.2.weight").tree, model))
        #expect(last.hasPrefix("missing_tensor: tensor 'net.2.weight'"), "\(last)")
    }

    @Test("a layer that cannot be read is an error; a text array beside the layers is none")
    func unreadable() throws {
        let error = FormatError(.dtype, "tensor 'net.2.bias': complex64")
        let tree = state.removing("net.2.bias").tree.adding(["net.2.bias": .unreadable(error)])
        #expect(faultText(tree, model) == "dtype: tensor 'net.2.bias': complex64")
    }

    @Test("another shape than the model reads is told with every mismatch")
    func misfit() throws {
        let tree: FileTree = ["model": torchDict([3, 5, 4, 1]).tree]
        #expect(
            faultText(tree, model)
                == "shape_mismatch: tensor 'net.0.linear.weight': expected [5, 2] (the model reads 2-*-*-1), received [5, 3]"
        )
    }

    // MARK: Several networks

    private func other(_ seed: UInt64) -> FileTree { torchDict([2, 5, 4, 1], seed: seed).tree }

    @Test("a dict or list of networks is a batch with names")
    func batch() throws {
        let tree: FileTree = [
            "shirt": other(1), "boot": ["state_dict": other(2), "omega_0": 10], "epoch": 3,
            "bag": state.removing("net.1.linear.bias").tree,
        ]
        let search = try NetworkSearch(tree, model)
        #expect(search.isBatch && search.entries.map(\.name) == ["shirt", "boot", "bag"])
        #expect(search.entries.map { (try? $0.result.get()) != nil } == [true, true, false])
        #expect(try search.entries[1].result.get().context.scalars.map(\.value) == [10, 3])
        #expect(try search.entries[0].result.get().context.scalars.map(\.path) == ["epoch"])
        let list = try NetworkSearch(["nets": [other(1), "text", other(2)]], model)
        #expect(list.isBatch && list.entries.map(\.name) == ["0", "2"])
        let models = try NetworkSearch(["model_0": other(1), "model_1": other(2)], model)
        #expect(models.entries.map(\.name) == ["model_0", "model_1"])
        let flat = try NetworkSearch(other(1).prefixed("a.").adding(other(2).prefixed("b.")), model)
        #expect(flat.entries.map(\.name) == ["a", "b"])
        #expect(try flat.entries[0].result.get().network().layers[0].weightName == "a.net.0.linear.weight")
        let numbered = try NetworkSearch(
            ["net0": other(1), "net1": state.removing("net.1.linear.bias").tree], model)
        #expect(numbered.entries.map(\.name) == ["net0", "net1"])
    }

    @Test("every element of a document's list has an answer")
    func documents() throws {
        var options = model
        options.isDocument = true
        for tree in [[other(1), "text", [:], other(2)], ["inputs": [other(1), "text", [:], other(2)], "top_k": 3]]
            as [FileTree]
        {
            let search = try NetworkSearch(tree, options)
            #expect(
                search.isBatch && search.entries.map { (try? $0.result.get()) != nil } == [true, false, false, true])
            #expect(search.entries.allSatisfy { $0.name == nil } && search.ignored.isEmpty)
        }
        #expect(try NetworkSearch([other(1)], options).isBatch)
        let named = try NetworkSearch(["inputs": ["a": other(1), "b": "text"]], options)
        #expect(named.entries.map(\.name) == ["a", "b"])
        let tuple: FileTree = [other(1), ["state": moments, "param_groups": [["lr": 0.001]]]]
        #expect(try !NetworkSearch(tuple, options).isBatch)
    }

    @Test(
        "copies are refused with their paths, and member picks one",
        arguments: [
            ("model", "ema"), ("online_model", "ema_model"), ("online", "target"), ("best", "last"), ("net", "net_ema"),
            ("state_dict", "model"), ("student", "teacher"), ("epoch_3", "bestModel"),
        ])
    func copies(first: String, second: String) throws {
        let tree = FileTree.dict([
            FileTree.Member(key: first, value: other(1)), FileTree.Member(key: second, value: other(2)),
        ])
        for tree in [tree, ["checkpoint": tree, "epoch": 3]] as [FileTree] {
            let text = try #require(faultText(tree, model))
            #expect(text.hasPrefix("ambiguous_network: "), "\(text)")
            #expect(text.contains(first) && text.contains(second) && text.contains("member="))
        }
        for (name, seed) in [(first, UInt64(1)), (second, 2)] {
            var options = model
            options.member = name
            #expect(try found(tree, options).network() == NetworkWeights(torchDict([2, 5, 4, 1], seed: seed)))
            options.member = "checkpoint.\(name)"
            #expect(try found(["checkpoint": tree], options).network().layers.count == 3)
        }
        let average: FileTree = [
            "model": other(1),
            "ema": [
                "decay": 0.9,
                "shadow_params": .list((try network).stateDict.entries.map { .array($0.tensor, .float32) }),
            ],
        ]
        #expect(faultText(average, model)?.contains("'model', 'ema'") == true)
        var options = model
        options.member = "nowhere"
        #expect(faultText(tree, options)?.contains("the top level has '\(first)', '\(second)'") == true)
        let flat = other(1).prefixed("\(first).").adding(other(2).prefixed("\(second)."))
        #expect(faultText(flat, model)?.hasPrefix("ambiguous_network") == true)
        options.member = second
        #expect(try found(flat, options).network().layers.count == 3)
    }

    @Test("of several chains the one that the model reads is the network")
    func other() throws {
        let tree: FileTree = ["generator": state.tree, "discriminator": torchDict([1, 16, 1]).tree]
        let search = try NetworkSearch(tree, model)
        #expect(search.entries.count == 1 && search.ignored == ["discriminator"])
        #expect(try search.entries[0].result.get().network() == network)
    }

    // MARK: Functions

    @Test("a network that can be evaluated is found with the reason why the model cannot read it")
    func functions() throws {
        var options = model
        options.readsAnyFunction = true
        let deep = try found(["net": torchDict([2, 9, 9, 9, 9, 3]).tree], options)
        #expect(deep.misfit?.detail.contains("received 5 layers") == true)
        #expect(try deep.network().layers.count == 5)
        #expect(try found(["net": state.tree], options).misfit == nil)
        let fourier = torchDict([16, 9, 1]).tree.adding(["encoding.B": .zeros(8, 2)])
        #expect(try found(fourier, options).context.arrays.map(\.name) == ["encoding.B"])
        for sizes in [[16, 9, 1], [2, 9, 4]] { #expect(faultText(torchDict(sizes).tree, options) != nil) }
    }

    // MARK: Context

    @Test("numbers, texts and arrays beside the layers are context, the nearest first")
    func context() throws {
        let inner = state.tree.adding(["net.0.omega_0": .array([1], [30]), "B": .zeros(2, 8)])
        let tree: FileTree = [
            "epoch": 3, "model": inner,
            "config": ["activation": "sine", "w0": 20, "long": .text(String(repeating: "x", count: 500))],
            "optimizer": ["lr": 0.1],
        ]
        let context = try found(tree, model).context
        #expect(context.scalars.map(\.path) == ["model.net.0.omega_0", "epoch", "config.w0"])
        #expect(context.scalars.map(\.value) == [30, 3, 20])
        #expect(context.texts == [NetworkContext.Text(path: "config.activation", value: "sine")])
        #expect(context.arrays.map(\.name) == ["model.B"])
    }

    @Test("a frequency named w0 is no weight")
    func frequency() throws {
        let tree = state.tree.adding(["net.0.w0": .array([1], [30]), "net.1.w0": .array([], [30])])
        #expect(try found(tree, model).context.scalars.map(\.value) == [30, 30])
    }

    // MARK: Stacks

    @Test("of a stack, a network with a value that is not finite fails alone")
    func stack() throws {
        let tree: FileTree = [
            "nets": [
                "w0": .array([2, 1, 2], [1, 2, .nan, 4]), "b0": .zeros(2, 1), "w1": .zeros(2, 1, 1), "b1": .zeros(2, 1),
            ]
        ]
        let stack = try found(tree)
        #expect(stack.isStack && stack.weights.map { (try? $0.get()) != nil } == [true, false])
    }

    // MARK: Hostile trees

    @Test("deep nesting is refused")
    func deep() {
        var tree = state.tree
        for _ in 0..<200 { tree = ["a": tree] }
        #expect(faultText(tree)?.contains("nested more than 128 deep") == true)
    }

    @Test("many members, long keys and repeated names take little time")
    func many() throws {
        let dots = String(repeating: "a.", count: 5000)
        let scalars = (0..<100_000).map { FileTree.Member(key: "k\($0)", value: .number(1)) }
        let arrays = (0..<60_000).map { FileTree.Member(key: "k\($0)", value: .zeros(1)) }
        let network = try network
        let clock = ContinuousClock()
        let time = try clock.measure {
            let read = try found(["net": state.tree, "log": .dict(scalars)], model).network()
            #expect(read == network)
            #expect(faultText(.dict(arrays)) != nil)
            #expect(faultText(.list(arrays.map(\.value))) != nil)
            #expect(faultText(.dict([FileTree.Member(key: dots, value: state.tree)])) == nil)
            var nested: FileTree = .dict(Array(arrays.prefix(250)))
            for _ in 0..<60 { nested = .dict(Array(arrays.prefix(250)) + [FileTree.Member(key: "x", value: nested)]) }
            _ = faultText(nested, model)
            #expect(faultText(["a": .zeros(0, 2), "b": .zeros(0)]) != nil)
        }
        #expect(time < .seconds(20))
    }

    @Test(
        "random trees are read or refused, with finite values and names of their own",
        arguments: 0..<40 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var maker = RandomTrees(seed: seed)
        for _ in 0..<25 {
            let tree = maker.tree(depth: 4)
            for isDocument in [false, true] {
                for expectation in [nil, model.expectation] {
                    var options = NetworkSearchOptions(expectation: expectation, isDocument: isDocument)
                    options.readsAnyFunction = seed.isMultiple(of: 2)
                    options.member = seed.isMultiple(of: 5) ? "net" : nil
                    guard let search = try? NetworkSearch(tree, options, flatSpec: NetworkSpec(sizes: [1, 2, 1])) else {
                        continue
                    }
                    #expect(!search.entries.isEmpty)
                    for entry in search.entries {
                        guard let found = try? entry.result.get() else { continue }
                        for case .success(let network) in found.weights {
                            #expect(network.flattened.allSatisfy { $0.isFinite })
                            #expect(network.spec.parameterCount == network.flattened.count)
                            let fits = expectation == nil || expectation.map(network.matches) == true
                            #expect(fits || found.misfit != nil)
                        }
                    }
                }
            }
        }
    }
}

/// Trees of keys and shapes that the search looks at.
private struct RandomTrees {
    private var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    mutating func tree(depth: Int) -> FileTree {
        let leaf = pick(depth == 0 ? [0, 0, 0, 1, 2, 3, 4] : [0, 0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 7, 7, 7])
        switch leaf {
        case 1: return .number(pick([0, 30, .infinity, -1]))
        case 2: return .text(pick(["", "sine", "x"]))
        case 3: return .unreadable(FormatError(.dtype, "no numbers"))
        case 4: return .inert("None")
        case 5:
            let count = Int.random(in: 0..<7, using: &random)
            return .dict((0..<count).map { _ in FileTree.Member(key: key(), value: tree(depth: depth - 1)) })
        case 6:
            let count = Int.random(in: 0..<5, using: &random)
            return .list((0..<count).map { _ in tree(depth: depth - 1) })
        case 7: return network()
        default:
            return array(
                pick([
                    [], [1], [2], [5], [4], [7], [5, 2], [4, 5], [1, 4], [0], [0, 2], [2, 0], [3, 4, 2], [44], [2, 44],
                    [5, 1], [1, 1],
                ]))
        }
    }

    private mutating func key() -> String {
        let parts = [
            "net", "ema", "weight", "bias", "weights", "biases", "0", "1", "2", "w", "b", "kernel", "weight_g",
            "weight_v",
            "weight_u", "weight_orig", "weight_mask", "parametrizations", "original0", "original", "_u", "inputs", "mu",
            "nu", "state", "param_groups", "optimizer", "grid", "B", "", "module",
        ]
        let count = Int.random(in: 1...3, using: &random)
        return (0..<count).map { _ in pick(parts) }.joined(separator: pick([".", "/", "."]))
    }

    private mutating func array(_ shape: [Int]) -> FileTree {
        let values = (0..<shape.reduce(1, *)).map { _ in pick([0, 1, -2, 0.5] as [Float]) }
        var tensor = Tensor(shape: shape, values: values)
        if pick([false, false, false, true]), !values.isEmpty { tensor.values[0] = .nan }
        return .array(tensor, pick([.float32, .float32, .int64, .bool]))
    }

    /// A network with one array, at most, in another shape.
    private mutating func network() -> FileTree {
        let state = torchDict(pick([[2, 5, 4, 1], [2, 5, 1], [1, 2, 1], [2, 2]]))
        var members = state.entries.map { FileTree.Member(key: $0.name, value: .array($0.tensor, .float32)) }
        if pick([false, true]) {
            let index = Int.random(in: 0..<members.count, using: &random)
            members[index] = FileTree.Member(key: pick([members[index].key, key()]), value: tree(depth: 0))
        }
        return .dict(members)
    }
}
