import Networks
import Tensors
import Testing
import WeightFormats

@testable import NetworkReading

@Suite("What a file says beside a network, and its copies")
struct ContextTests {
    private let model = NetworkSearchOptions(
        expectation: NetworkExpectation(spec: NetworkSpec(sizes: [2, 5, 4, 1]), hiddenWidths: .free(upTo: 64)))
    private func network(_ seed: UInt64) -> FileTree { torchDict([2, 5, 4, 1], seed: seed).tree }

    @Test("a text that is a document of JSON says what its members say")
    func documents() throws {
        let config = #" {"siren": {"omega_0": 20, "act": "sine", "layers": [30, 1], "one": [7]}, "skip": null}"#
        let tree: FileTree = ["net": network(1), "config": .text(config), "broken": "{not json"]
        let context = try found(tree, model).context
        #expect(context.scalars.map(\.path) == ["config.siren.omega_0", "config.siren.one"])
        #expect(context.scalars.map(\.value) == [20, 7])
        #expect(context.texts.map(\.path) == ["config.siren.act", "broken"])
        #expect(context.arrays.map(\.name) == ["config.siren.layers"])
        #expect(context.arrays.first?.tensor.values == [30, 1])
    }

    @Test("copies with equal values are one network, and the second is listed as passed over")
    func equalCopies() throws {
        let tree: FileTree = ["best": network(1), "last": network(1), "epoch": 3]
        let search = try NetworkSearch(tree, model)
        #expect(search.entries.count == 1 && !search.isBatch)
        #expect(try search.entries[0].result.get().network() == NetworkWeights(torchDict([2, 5, 4, 1], seed: 1)))
        #expect(search.ignored == ["last", "epoch"])
        let three: FileTree = ["model": network(1), "ema": network(2), "best": network(1)]
        #expect(faultText(three, model)?.contains("2 copies of one network, of equal shapes: 'model', 'ema'") == true)
    }

    @Test("equal networks under numbered keys remain a batch")
    func equalBatch() throws {
        let tree: FileTree = ["run1": network(1), "run2": network(1)]
        #expect(try NetworkSearch(tree, model).entries.count == 2)
    }

    @Test("a network is written without its equal copies, so that the file does not contradict itself")
    func writtenOnce() throws {
        var options = model
        options.recordsPlacement = true
        let tree: FileTree = ["best": network(1), "last": network(1), "epoch": 3]
        let placement = try #require(try found(tree, options).placement)
        let written = placement.alone(.init(try NetworkWeights(torchDict([2, 5, 4, 1], seed: 9))))
        guard case .dict(let members) = written else { throw SeveralNetworks(names: []) }
        #expect(members.map(\.key) == ["best", "epoch"])
        #expect(try found(written, model).network() == NetworkWeights(torchDict([2, 5, 4, 1], seed: 9)))
    }

    // MARK: Biases of two axes

    /// The network with every bias as a row or a column, behind leading axes.
    private func rows(_ seed: UInt64, isColumn: Bool) -> FileTree {
        let state = torchDict([2, 5, 4, 1], seed: seed)
        return .dict(
            state.entries.map { entry in
                guard entry.tensor.rank == 1 else {
                    return .init(key: entry.name, value: .array(entry.tensor, .float32))
                }
                let count = entry.tensor.count
                let shape = isColumn ? [count, 1] : [1, count]
                return .init(key: entry.name, value: .array(entry.tensor.reshaped(shape), .float32))
            })
    }

    @Test("biases that are rows or columns are read as vectors", arguments: [false, true])
    func rowBiases(isColumn: Bool) throws {
        #expect(
            try found(rows(1, isColumn: isColumn), model).network()
                == NetworkWeights(torchDict([2, 5, 4, 1], seed: 1)))
    }

    @Test("edited weights are written with the shapes of the file's biases", arguments: [false, true])
    func writtenRows(isColumn: Bool) throws {
        var options = model
        options.recordsPlacement = true
        let placement = try #require(try found(rows(1, isColumn: isColumn), options).placement)
        let written = placement.alone(.init(try NetworkWeights(torchDict([2, 5, 4, 1], seed: 2))))
        #expect(written == (rows(2, isColumn: isColumn)))
    }

    @Test("rows of a stack of networks are read too")
    func stackedRows() throws {
        let tree: FileTree = [
            "0.weight": .zeros(3, 5, 2), "0.bias": .zeros(3, 1, 5), "1.weight": .zeros(3, 4, 5),
            "1.bias": .zeros(3, 1, 4), "2.weight": .zeros(3, 1, 4), "2.bias": .zeros(3, 1, 1),
        ]
        let entry = try found(tree, model)
        #expect(entry.isStack && entry.weights.count == 3)
    }

    @Test("a bias of two axes that has another length than the layer is refused with its own shape")
    func wrongRows() throws {
        let tree: FileTree = [
            "0.weight": .zeros(5, 2), "0.bias": .zeros(1, 3), "1.weight": .zeros(4, 5), "1.bias": .zeros(4),
            "2.weight": .zeros(1, 4), "2.bias": .zeros(1),
        ]
        #expect(faultText(tree, model)?.contains("'0.bias': expected [5]") == true)
        #expect(faultText(tree, model)?.contains("[1, 3]") == true)
    }
}
